//! What only the generator needs of the catalog: texts, tables, parameters. The shipped library does without it.

use super::columns::KEPT;
use super::resource::Resource;

/// The entries, with what this build keeps of their documentation.
pub(super) const fn of_each<const N: usize>(mut entries: [Resource; N]) -> [Resource; N] {
    let mut number = 0;
    while !KEPT && number < N {
        let entry = &mut entries[number];
        (entry.class, entry.doc, entry.reference, entry.table) = ("", "", "", &[]);
        if let Some(cmdlet) = &mut entry.cmdlet {
            (cmdlet.choice, cmdlet.id) = (None, None);
            if let Some(parent) = &mut cmdlet.parent {
                (parent.doc, parent.aliases, parent.properties, parent.label) = ("", &[], &[], None);
            }
        }
        number += 1;
    }
    entries
}
