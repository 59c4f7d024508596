//! The generated parts of files that people write: between a line with `generated: NAME` and the next one with `end`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fedxdr_core::catalog::Resource;
use fedxdr_core::{Family, HUNTING_CHECK};

use crate::cmdlets::{self, DataCmdlet};

/// Where lines of prose end.
const COLUMNS: usize = 120;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Each file with generated parts, as it has to be.
pub(crate) fn generate(root: &Path) -> Outcome<Vec<(String, String)>> {
    let mut files = vec![
        fill(root, "module/FedXdr.psd1", &[("cmdlets", exports())])?,
        fill(root, "README.md", &[("permissions", list()?)])?,
        fill(root, "module/docs/en-US/about_FedXdr_MultiTenant.md", &[("permissions", table()?)])?,
        fill(root, "module/docs/en-US/Test-FdxConnection.md", &[("resources", resources()?)])?,
    ];
    for cmdlet in cmdlets::all() {
        let page = format!("module/docs/en-US/{}.md", cmdlet.name());
        files.push(fill(root, &page, &[("permissions", page_text(cmdlet))])?);
    }
    Ok(files)
}

fn fill(root: &Path, name: &str, sections: &[(&str, String)]) -> Outcome<(String, String)> {
    let mut text = fs::read_to_string(root.join(name)).map_err(|e| format!("{name}: {e}"))?;
    for (section, content) in sections {
        let marker = format!("generated: {section}");
        let lacks = || format!("{name} has no part between the lines '{marker}' and 'end'");
        let begin = text.find(&marker).ok_or_else(lacks)?;
        let begin = begin + text[begin..].find('\n').ok_or_else(lacks)? + 1;
        let is_end = |line: &str| matches!(line.trim(), "<!-- end -->" | "# end");
        let lines = text[begin..].split_inclusive('\n');
        let mut length = 0;
        let mut found = false;
        for line in lines {
            if is_end(line) {
                found = true;
                break;
            }
            length += line.len();
        }
        if !found {
            return Err(lacks().into());
        }
        text.replace_range(begin..begin + length, content);
    }
    Ok((name.to_owned(), text))
}

fn exports() -> String {
    let names: Vec<String> =
        cmdlets::all().into_iter().map(|cmdlet| format!("        '{}'\n", cmdlet.name())).collect();
    names.concat()
}

/// The cmdlets, what they get and what they need.
fn list() -> Outcome<String> {
    let mut out = String::from("\n");
    for cmdlet in cmdlets::all() {
        let (resource, api) = (cmdlet.list, api(cmdlet.list.family));
        let (name, gets, permissions) = (cmdlet.name(), lower(resource.doc), permissions(resource));
        let item = format!("`{name}`: {gets}. Needs {permissions} of {api}.");
        let item = wrap(&item, COLUMNS - "* ".len());
        writeln!(out, "* {}", item.trim_end().replace('\n', "\n  "))?;
    }
    out.push('\n');
    Ok(out)
}

/// The cmdlets and the permissions that they need.
fn table() -> Outcome<String> {
    let mut out = String::from("\n| cmdlet | API | application permission |\n| --- | --- | --- |\n");
    for cmdlet in cmdlets::all() {
        let api = api(cmdlet.list.family);
        writeln!(out, "| {} | {api} | {} |", cmdlet.name(), permissions(cmdlet.list))?;
    }
    out.push('\n');
    Ok(out)
}

fn permissions(resource: &Resource) -> String {
    resource.permissions.join(" or ")
}

/// What the portal calls the API that grants the permissions.
fn api(family: Family) -> &'static str {
    match family {
        Family::Defender => "WindowsDefenderATP",
        Family::Xdr => "Microsoft Threat Protection",
        Family::Graph => "Microsoft Graph",
        Family::Arm => "Azure Resource Manager",
    }
}

fn page_text(cmdlet: DataCmdlet) -> String {
    let resource = cmdlet.list;
    let needs = if resource.permissions.is_empty() {
        "Needs a role of Azure on the subscriptions, such as Reader.".to_owned()
    } else {
        format!("Needs the application permission {} of {}.", permissions(resource), api(resource.family))
    };
    let mut sentences = vec![needs];
    for entry in cmdlet.entries() {
        let Some(limit) = entry.quota.text() else { continue };
        sentences.push(match cmdlet.children {
            Some((_, parent)) if entry.parent_path.is_some() => {
                format!("With `-{}`, the service allows {limit}.", parent.name)
            }
            _ => format!("The service allows {limit}, per app and tenant."),
        });
    }
    format!("\n{}\n", wrap(&sentences.join(" "), COLUMNS))
}

/// What Test-FdxConnection takes for -Resource, besides the APIs.
fn resources() -> Outcome<String> {
    let mut out = String::from("\n");
    for cmdlet in cmdlets::all() {
        writeln!(out, "- {}: what {} reads", cmdlet.noun, cmdlet.name())?;
    }
    writeln!(out, "- {HUNTING_CHECK}: whether Invoke-Fdx{HUNTING_CHECK} can run a query")?;
    out.push('\n');
    Ok(out)
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Lines of at most so many columns.
fn wrap(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        if length > 0 && length + 1 + word.len() > columns {
            out.push('\n');
            length = 0;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += word.len();
    }
    out.push('\n');
    out
}
