//! What a format must be able to write.

/// How values are written.
pub(super) trait Encoding {
    /// What comes before the value of a column, such as its name.
    fn label(&self, name: &str) -> Vec<u8>;
    fn begin_row(&self, out: &mut Vec<u8>);
    fn end_row(&self, out: &mut Vec<u8>);
    fn null(&self, out: &mut Vec<u8>);
    fn text(&self, text: &str, out: &mut Vec<u8>);
    fn int(&self, number: i64, out: &mut Vec<u8>);
    fn float(&self, number: f64, out: &mut Vec<u8>);
    fn bool(&self, value: bool, out: &mut Vec<u8>);
    /// A time in ticks of 100 ns since the year 1.
    fn time(&self, ticks: i64, out: &mut Vec<u8>);
    fn list<'a>(&self, items: impl Iterator<Item = Option<&'a str>>, out: &mut Vec<u8>);
    /// Any value, from its JSON.
    fn json(&self, json: &[u8], out: &mut Vec<u8>);
}
