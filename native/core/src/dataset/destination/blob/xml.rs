//! The XML of Blob Storage: lists of blocks and of blobs.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

/// The blocks of a blob that no list names yet: ids and sizes.
pub(super) fn uncommitted(xml: &str) -> Option<Vec<(String, u64)>> {
    let mut blocks: Vec<(String, u64)> = Vec::new();
    leaves(xml, |path, text| match path {
        [_, "UncommittedBlocks", "Block", "Name"] => blocks.push((text, 0)),
        [_, "UncommittedBlocks", "Block", "Size"] => {
            if let (Some(block), Ok(size)) = (blocks.last_mut(), text.parse()) {
                block.1 = size;
            }
        }
        _ => {}
    })?;
    Some(blocks)
}

/// A page of a list of what is in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) blobs: Vec<String>,
    /// Those of folders end with a slash.
    pub(super) folders: Vec<String>,
    /// Where the list goes on.
    pub(super) next: Option<String>,
}

/// The names of blobs and folders.
pub(super) fn names(xml: &str) -> Option<Names> {
    let mut names = Names::default();
    leaves(xml, |path, text| match path {
        [_, "Blobs", "Blob", "Name"] => names.blobs.push(text),
        [_, "Blobs", "BlobPrefix", "Name"] => names.folders.push(text),
        [_, "NextMarker"] => names.next = Some(text).filter(|text| !text.is_empty()),
        _ => {}
    })?;
    Some(names)
}

/// Reads a text as each of the lists, for the fuzz target.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::dataset) fn read_lists(xml: &str) {
    let _ = (uncommitted(xml), names(xml));
}

/// The list that makes these blocks the content of a blob.
pub(super) fn block_list<'a>(ids: impl IntoIterator<Item = &'a String>) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="utf-8"?><BlockList>"#);
    for id in ids {
        // Base64 needs no escapes.
        xml.push_str("<Latest>");
        xml.push_str(id);
        xml.push_str("</Latest>");
    }
    xml.push_str("</BlockList>");
    xml
}

/// Tells each element that has only text, with the names of those that it is in. `None` if it is not XML.
fn leaves(xml: &str, mut tell: impl FnMut(&[&str], String)) -> Option<()> {
    let mut reader = Reader::from_str(xml);
    let mut path: Vec<String> = Vec::new();
    let mut text = Some(String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                path.push(element.local_name().into_inner().to_owned());
                text = Some(String::new());
            }
            Event::Text(part) => {
                if let Some(text) = &mut text {
                    text.push_str(&part);
                }
            }
            Event::GeneralRef(name) => {
                if let Some(text) = &mut text {
                    text.push_str(&unescape(&format!("&{};", &*name)).ok()?);
                }
            }
            Event::End(_) => {
                if let Some(text) = text.take() {
                    let names: Vec<&str> = path.iter().map(String::as_str).collect();
                    tell(&names, text);
                }
                path.pop();
            }
            Event::Eof => return path.is_empty().then_some(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_whatever_else_they_say() {
        let xml = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>\n  <CommittedBlocks>\
                   <Block><Name>b2xk</Name><Size>1</Size></Block></CommittedBlocks>\n\
                   <UncommittedBlocks>\n <Block><Name>YQ==</Name>\
                   <Size>8388608</Size></Block><Block><Name>Yg==</Name><Size>7</Size></Block></UncommittedBlocks>\
                   </BlockList>";
        assert_eq!(uncommitted(xml).unwrap(), [("YQ==".to_owned(), 8_388_608), ("Yg==".to_owned(), 7)]);
        let xml = r#"<EnumerationResults ContainerName="c"><Prefix>x</Prefix><Blobs><Blob><Name>a &amp; b&#x41;</Name>
                     <Properties><Etag>0x1</Etag></Properties><OrMetadata /></Blob><BlobPrefix><Name>f/</Name>
                     </BlobPrefix></Blobs><NextMarker>2!92</NextMarker></EnumerationResults>"#;
        let expected = Names {
            blobs: vec!["a & bA".to_owned()],
            folders: vec!["f/".to_owned()],
            next: Some("2!92".to_owned()),
        };
        assert_eq!(names(xml).unwrap(), expected);
        assert_eq!(names("<EnumerationResults><NextMarker/></EnumerationResults>"), Some(Names::default()));
        assert!(names("<EnumerationResults><Blobs>").is_none());
        assert!(uncommitted("<BlockList></CommittedBlocks>").is_none());
    }
}
