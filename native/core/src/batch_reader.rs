//! A strict reader of the batch format that `native/abi/README.md` describes, for tests and fuzz targets. It shares no
//! code with the writer.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// One row: value by column.
pub(crate) type Row = Map<String, Value>;

/// A batch, decoded.
#[derive(Debug)]
pub(crate) struct Decoded {
    #[cfg_attr(not(test), expect(dead_code, reason = "the fuzz targets compare rows only"))]
    pub(crate) tenant: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "the fuzz targets compare rows only"))]
    pub(crate) tenant_name: Option<String>,
    pub(crate) rows: Vec<Row>,
}

/// End of the year 9999.
const LAST_TICK: i64 = 3_155_378_975_999_999_999;

/// What is wrong with a batch.
pub(crate) type Defect = &'static str;

/// Reads the batches of a query, in their order.
#[derive(Default)]
pub(crate) struct BatchReader {
    streams: HashMap<u32, Stream>,
}

#[derive(Default)]
struct Stream {
    tenant: String,
    tenant_name: Option<String>,
    columns: Vec<Column>,
}

struct Column {
    kind: u8,
    name: String,
    dictionary: Vec<String>,
}

impl BatchReader {
    /// Reads one batch; every byte of it must have a meaning.
    pub(crate) fn read(&mut self, batch: &[u8]) -> Result<Decoded, Defect> {
        let mut bytes = Bytes(batch);
        if bytes.u32()? != u32::from_le_bytes(*b"FDXB") {
            return Err("no magic");
        }
        if bytes.u16()? != 3 {
            return Err("another version");
        }
        let flags = bytes.u16()?;
        let (has_schema, is_last) = (flags & 1 != 0, flags & 4 != 0);
        if flags > 7 {
            return Err("an unknown flag");
        }
        let (number, rows, columns) = (bytes.u32()?, bytes.u32()? as usize, usize::from(bytes.u16()?));
        if bytes.u16()? != 0 {
            return Err("a reserved field that is not 0");
        }
        let stream = self.streams.entry(number).or_default();
        if has_schema {
            stream.schema(&mut bytes, columns)?;
        }
        if stream.columns.len() != columns {
            return Err("another number of columns than the schema's");
        }
        let mut decoded: Vec<Row> = Vec::new();
        decoded.resize_with(rows, Map::new);
        for column in &mut stream.columns {
            let length = bytes.u32()? as usize;
            let mut data = Bytes(bytes.take(length)?);
            column.entries(&mut data)?;
            for row in &mut decoded {
                row.insert(column.name.clone(), column.value(&mut data)?);
            }
            data.end()?;
        }
        bytes.end()?;
        let (tenant, tenant_name) = (stream.tenant.clone(), stream.tenant_name.clone());
        if is_last {
            self.streams.remove(&number);
        }
        Ok(Decoded { tenant, tenant_name, rows: decoded })
    }
}

impl Stream {
    /// Columns are only ever added at the end; those that were there keep their dictionaries.
    fn schema(&mut self, bytes: &mut Bytes<'_>, columns: usize) -> Result<(), Defect> {
        bytes.text()?.ok_or("a tenant that is null")?.clone_into(&mut self.tenant);
        self.tenant_name = bytes.text()?.map(str::to_owned);
        for index in 0..columns {
            let (kind, name) = (bytes.u8()?, bytes.text()?.ok_or("a column name that is null")?);
            match self.columns.get(index) {
                Some(known) if known.kind == kind && known.name == name => {}
                Some(_) => return Err("a column that changed"),
                None => {
                    self.columns.push(Column { kind, name: name.to_owned(), dictionary: Vec::new() });
                }
            }
        }
        Ok(())
    }
}

impl Column {
    fn entries(&mut self, data: &mut Bytes<'_>) -> Result<(), Defect> {
        if !matches!(self.kind, 2 | 7) {
            return Ok(());
        }
        match data.u8()? {
            0 => {}
            1 => self.dictionary.clear(),
            _ => return Err("a reset that is neither 0 nor 1"),
        }
        for _ in 0..data.u32()? {
            self.dictionary.push(data.text()?.ok_or("a dictionary entry that is null")?.to_owned());
        }
        Ok(())
    }

    fn value(&self, data: &mut Bytes<'_>) -> Result<Value, Defect> {
        Ok(match self.kind {
            1 => data.text()?.map_or(Value::Null, Value::from),
            2 => self.entry(data.u32()?)?,
            3 => match data.i64()? {
                i64::MIN => Value::Null,
                number => number.into(),
            },
            6 => match data.i64()? {
                i64::MIN => Value::Null,
                ticks @ 0..=LAST_TICK => ticks.into(),
                _ => return Err("a time outside the years 1 to 9999"),
            },
            // `Value` makes null of NaN.
            4 => f64::from_le_bytes(data.array()?).into(),
            5 => match data.u8()? {
                0 => false.into(),
                1 => true.into(),
                2 => Value::Null,
                _ => return Err("a byte that is not a truth value"),
            },
            7 => match data.u32()? {
                u32::MAX => Value::Null,
                count => (0..count).map(|_| self.entry(data.u32()?)).collect::<Result<Vec<_>, _>>()?.into(),
            },
            8 => data.variant()?,
            _ => return Err("an unknown kind of column"),
        })
    }

    fn entry(&self, index: u32) -> Result<Value, Defect> {
        let Some(index) = (index as usize).checked_sub(1) else { return Ok(Value::Null) };
        self.dictionary.get(index).map(|text| text.as_str().into()).ok_or("an index without entry")
    }
}

/// What is left of the bytes.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Defect> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("an early end")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Defect> {
        self.take(N)?.try_into().map_err(|_| "an early end")
    }

    fn u8(&mut self) -> Result<u8, Defect> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, Defect> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Defect> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64, Defect> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn text(&mut self) -> Result<Option<&'a str>, Defect> {
        let length = self.u32()?;
        if length == u32::MAX {
            return Ok(None);
        }
        let text = self.take(length as usize)?;
        std::str::from_utf8(text).map(Some).map_err(|_| "a text that is not UTF-8")
    }

    /// The values of a list or an object, with their number.
    fn values(&mut self) -> Result<Bytes<'a>, Defect> {
        let length = self.u32()? as usize;
        self.take(length).map(Bytes)
    }

    fn variant(&mut self) -> Result<Value, Defect> {
        Ok(match self.u8()? {
            0 => Value::Null,
            1 => false.into(),
            2 => true.into(),
            3 => self.i64()?.into(),
            4 => f64::from_le_bytes(self.array()?).into(),
            5 => self.text()?.ok_or("a text of a value that is null")?.into(),
            6 => {
                let mut values = self.values()?;
                let list = (0..values.u32()?).map(|_| values.variant()).collect::<Result<Vec<_>, _>>()?;
                values.end()?;
                list.into()
            }
            7 => {
                let mut values = self.values()?;
                let mut object = Map::new();
                for _ in 0..values.u32()? {
                    let name = values.text()?.ok_or("a member name that is null")?.to_owned();
                    object.insert(name, values.variant()?);
                }
                values.end()?;
                object.into()
            }
            8 => u64::from_le_bytes(self.array()?).into(),
            _ => return Err("an unknown tag of a value"),
        })
    }

    fn end(&self) -> Result<(), Defect> {
        if self.0.is_empty() { Ok(()) } else { Err("bytes that have no meaning") }
    }
}
