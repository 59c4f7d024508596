use std::fs;
use std::os::unix::fs::MetadataExt as _;

use crate::dataset::destination::{Destination as _, Folder, PartName};
use crate::testing::TestFolder;

#[test]
fn room_that_a_file_does_not_need_is_given_back() {
    let folder = TestFolder::new();
    let part = PartName { run: String::new(), hidden: "part.tmp".to_owned(), name: "part".to_owned() };
    let destination = Folder::new(folder.0.clone());
    let mut file = destination.create(&part).unwrap();
    let block = vec![b'x'; 256 * 1024];
    let mut length = 0;
    // A file of 18 MB: room is reserved from the second MB on, 16 MB at a time.
    for _ in 0..72 {
        file.write_all(&block).unwrap();
        length += block.len() as u64;
        let found = fs::metadata(folder.0.join(&part.hidden)).unwrap();
        assert_eq!(found.len(), length, "a reader sees what was written, and no room");
    }
    file.finish().unwrap();
    assert!(destination.publish(&part, length).unwrap());
    let found = fs::metadata(folder.0.join(&part.name)).unwrap();
    assert_eq!(found.len(), length);
    let on_disk = 512 * found.blocks();
    assert!(on_disk < length + (1 << 20), "{on_disk} bytes on the disk for {length}");
}
