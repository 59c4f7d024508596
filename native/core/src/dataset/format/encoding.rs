//! What a format must be able to write.

/// How values are written.
pub(super) trait Encoding {
    /// Where values go.
    type Out;
    /// A text of a dictionary, prepared once for all rows that have it.
    type Known;

    fn prepare(&self, text: &str) -> Self::Known;
    fn known(&self, known: &Self::Known, out: &mut Self::Out);
    fn null(&self, out: &mut Self::Out);
    fn text(&self, text: &str, out: &mut Self::Out);
    fn int(&self, number: i64, out: &mut Self::Out);
    fn float(&self, number: f64, out: &mut Self::Out);
    fn bool(&self, value: bool, out: &mut Self::Out);
    /// A time in ticks of 100 ns since the year 1.
    fn time(&self, ticks: i64, out: &mut Self::Out);
    fn list<'a>(&self, items: impl Iterator<Item = Option<&'a str>>, out: &mut Self::Out);
    /// Any value, from its JSON.
    fn json(&self, json: &[u8], out: &mut Self::Out);
}

/// A format that is text, row by row.
pub(super) trait Lines: Encoding<Out = Vec<u8>, Known = Vec<u8>> {
    /// What a file begins with.
    fn header<'a>(&self, names: impl Iterator<Item = &'a str>, out: &mut Vec<u8>);
    /// What comes before the value of a column, such as its name.
    fn label(&self, name: &str) -> Vec<u8>;
    fn begin_row(&self, out: &mut Vec<u8>);
    fn end_row(&self, out: &mut Vec<u8>);
}
