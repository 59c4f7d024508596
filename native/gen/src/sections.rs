//! The generated parts of files that people write: between a line with `generated: NAME` and the next one with `end`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fedxdr_core::catalog::{
    Dataset, Filter, HUNTING, Paging, Resource, Since, WithoutLink, exported_datasets, stored_datasets,
};
use fedxdr_core::{Family, HUNTING_CHECK};

use crate::cmdlets::{self, DataCmdlet};
use crate::rows::pascal;

/// Where lines of prose end.
const COLUMNS: usize = 120;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Each file with generated parts, as it has to be.
pub(crate) fn generate(root: &Path) -> Outcome<Vec<(String, String)>> {
    let mut files = vec![
        fill(root, "module/FedXdr.psd1", &[("cmdlets", exports())])?,
        fill(root, "README.md", &[("cmdlets", cmdlet_list()?)])?,
        fill(root, "module/docs/en-US/about_FedXdr_Resources.md", &[("resources", resource_list()?)])?,
        fill(root, "module/docs/en-US/about_FedXdr_MultiTenant.md", &[("permissions", permission_list())])?,
        fill(root, "module/docs/en-US/Test-FdxConnection.md", &[("resources", resources()?)])?,
        fill(root, "module/docs/en-US/Export-FdxDataset.md", &[("datasets", datasets())])?,
        fill(root, "module/docs/en-US/Import-FdxDataset.md", &[("outputs", dataset_outputs()?)])?,
    ];
    for cmdlet in cmdlets::all() {
        let page = format!("module/docs/en-US/{}.md", cmdlet.name());
        let sections = [
            ("permissions", page_permissions(&cmdlet)),
            ("parameters", page_parameters(&cmdlet)?),
            ("outputs", page_outputs(&cmdlet)?),
        ];
        files.push(fill(root, &page, &sections)?);
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
        cmdlets::all().into_iter().map(|cmdlet| format!("        '{}',\n", cmdlet.name())).collect();
    names.concat()
}

/// Every cmdlet: what it reads, the parameters that select something else, and the permissions.
fn cmdlet_list() -> Outcome<String> {
    let mut out = String::from("\n");
    for cmdlet in cmdlets::all() {
        let mut text = format!("* `{}`: {}.", cmdlet.name(), cmdlet.main().doc);
        let others: Vec<_> = cmdlet.entries.iter().filter_map(|entry| selector(&cmdlet, entry)).collect();
        if !others.is_empty() {
            let others: Vec<_> = others.iter().map(|parameter| format!("`{parameter}`")).collect();
            write!(text, " Also {}.", others.join(", "))?;
        }
        let needed: BTreeSet<_> = cmdlet.entries.iter().map(|entry| least_permission(entry)).collect();
        write!(text, " Needs {}.", Vec::from_iter(needed).join(", "))?;
        out.push_str(&wrap_item(&text, COLUMNS));
    }
    out.push('\n');
    Ok(out)
}

/// Every dataset, and the permission that reads it.
fn datasets() -> String {
    let item = |dataset: &Dataset| {
        let permission = least_permission(dataset.resource);
        wrap_item(&format!("- {}: {} ({permission})", dataset.name, lower(dataset.resource.doc)), COLUMNS)
    };
    format!("\n{}\n", exported_datasets().map(item).collect::<String>())
}

/// The classes of the rows of datasets.
fn dataset_outputs() -> Outcome<String> {
    let mut classes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for dataset in stored_datasets() {
        classes.entry(dataset.resource.class).or_default().push(format!("`{}`", dataset.name));
    }
    classes.insert("Row", vec![format!("`{}`", HUNTING.name)]);
    let mut out = String::from("\n");
    for (class, datasets) in classes {
        writeln!(out, "### FedXdr.{class}\n\nA row of {}.\n", datasets.join(" or "))?;
    }
    Ok(out)
}

/// Every resource: who reads it, what it needs, and how it is read.
fn resource_list() -> Outcome<String> {
    let mut out = String::from("\n");
    for cmdlet in cmdlets::all() {
        for entry in &cmdlet.entries {
            writeln!(out, "### {}\n\n{}", call(&cmdlet, entry), wrap(&format!("{}.", entry.doc), COLUMNS))?;
            writeln!(out, "- API: {}", api(entry.family))?;
            writeln!(out, "- permission: {}", permissions(entry))?;
            writeln!(out, "- pages: {}", pages(entry))?;
            let limit = entry.quota.text().unwrap_or_else(|| "not documented".to_owned());
            writeln!(out, "- limit: {limit}")?;
            writeln!(out, "- filter: {}\n", filter_side(entry.filter))?;
        }
    }
    Ok(out)
}

/// The command that reads an entry.
fn call(cmdlet: &DataCmdlet, entry: &Resource) -> String {
    format!(
        "{}{}",
        cmdlet.name(),
        selector(cmdlet, entry).map_or_else(String::new, |text| format!(" {text}"))
    )
}

/// The parameter that selects an entry; `None` for the first one.
fn selector(cmdlet: &DataCmdlet, entry: &Resource) -> Option<String> {
    let of = entry.cmdlet?;
    if of.by_since {
        return Some("-Since".to_owned());
    }
    if let Some(choice) = of.choice {
        let is_default = cmdlet.main().name == entry.name;
        return (!is_default).then(|| format!("-{} {}", choice.parameter, choice.value));
    }
    if entry.list_path.is_some() || entry.parents.is_some() {
        return None;
    }
    Some(format!("-{}", of.parent.or(of.id)?.name))
}

fn pages(entry: &Resource) -> &'static str {
    match (entry.paging, entry.without_link) {
        (_, _) if entry.single => "one answer",
        (Paging::NextLink { .. }, WithoutLink::Unknown) => "links",
        (Paging::NextLink { .. }, WithoutLink::Skip) => "links, then $skip",
        (Paging::NextLink { .. }, WithoutLink::TimeWindow(_)) => "links, then by time",
        (Paging::Skip { .. }, _) => "$top and $skip",
        (Paging::SkipToken, _) => "skip token",
        (Paging::Single, _) => "one answer",
    }
}

fn filter_side(filter: Filter) -> &'static str {
    match filter {
        Filter::None => "none",
        Filter::Service(_) => "service",
        Filter::Verified(_) => "service and FedXdr",
        Filter::Client(_) => "FedXdr",
    }
}

/// The permissions, and the cmdlets that each is for.
fn permission_list() -> String {
    let mut rows: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for cmdlet in cmdlets::all() {
        for entry in cmdlet.entries.iter().filter(|entry| !entry.permissions.is_empty()) {
            let names = rows.entry((api(entry.family), permissions(entry))).or_default();
            let name = cmdlet.name();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let items = rows.into_iter().map(|((api, permissions), names)| {
        wrap_item(&format!("- {permissions} of {api}: {}", names.join(", ")), COLUMNS)
    });
    format!("\n{}\n", items.collect::<String>())
}

fn permissions(resource: &Resource) -> String {
    match resource.permissions {
        [] => "an Azure role, such as Reader".to_owned(),
        some => some.join(" or "),
    }
}

/// The permission that allows least.
fn least_permission(resource: &Resource) -> &'static str {
    resource.permissions.first().copied().unwrap_or("an Azure role")
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

/// What a cmdlet needs, and how often it may ask.
fn page_permissions(cmdlet: &DataCmdlet) -> String {
    let needs = |entry: &Resource| match entry.permissions {
        [] => "an Azure role on the subscriptions, such as Reader or Security Reader".to_owned(),
        _ => format!("the application permission {} of {}", permissions(entry), api(entry.family)),
    };
    let mut sentences = vec![];
    for (text, entries) in grouped(cmdlet, |entry| Some(needs(entry))) {
        sentences.push(match with(cmdlet, &entries) {
            None => format!("Needs {text}."),
            Some(with) => format!("{with}, needs {text}."),
        });
    }
    for (text, entries) in grouped(cmdlet, |entry| entry.quota.text()) {
        sentences.push(match with(cmdlet, &entries) {
            None => format!("The service allows {text}, per app and tenant."),
            Some(with) => format!("{with}, the service allows {text}."),
        });
    }
    format!("\n{}\n", wrap(&sentences.join(" "), COLUMNS))
}

/// The entries of a cmdlet by what is said of them, in the order of the entries.
fn grouped<'a>(
    cmdlet: &DataCmdlet,
    says: impl Fn(&Resource) -> Option<String> + 'a,
) -> Vec<(String, Vec<&'static Resource>)> {
    let mut groups: Vec<(String, Vec<&'static Resource>)> = Vec::new();
    for &entry in &cmdlet.entries {
        let Some(text) = says(entry) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == text) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((text, vec![entry])),
        }
    }
    groups
}

/// "With `-A` or `-B`", or nothing if the cmdlet's first entry is among them.
fn with(cmdlet: &DataCmdlet, entries: &[&Resource]) -> Option<String> {
    if entries.iter().any(|entry| entry.name == cmdlet.main().name) {
        return None;
    }
    let names: Vec<_> =
        entries.iter().filter_map(|entry| selector(cmdlet, entry)).map(|name| format!("`{name}`")).collect();
    Some(format!("With {}", names.join(" or ")))
}

/// The parameters of a data cmdlet that the catalog knows.
fn page_parameters(cmdlet: &DataCmdlet) -> Outcome<String> {
    let mut out = String::new();
    let mut add = |name: &str, text: &str| {
        let paragraphs: Vec<_> = text.split("\n\n").map(|text| wrap_item(text, COLUMNS)).collect();
        write!(out, "\n### -{name}\n\n{}", paragraphs.join("\n"))
    };
    for id in cmdlet.ids() {
        add(id.name, id.doc)?;
    }
    add("InputObject", &piped(cmdlet))?;
    if let Some(label) = cmdlet.ids().into_iter().find_map(|id| id.label) {
        let text = "Name that the rows show for the machine, because the answer has only its id. It comes from the \
                    pipeline, with the machine.";
        add(label.name, text)?;
    }
    if let Some((name, values)) = cmdlet.choice() {
        let lines: Vec<_> =
            values.iter().map(|(value, entry)| format!("- `{value}`: {}", lower(entry.doc))).collect();
        let default = values[0].0;
        add(name, &format!("What to read:\n\n{}\n\nDefault: {default}.", lines.join("\n")))?;
    }
    if cmdlet.has_filter() {
        let sides: BTreeSet<_> = cmdlet.lists().map(|entry| filter_side(entry.filter)).collect();
        let side = match (sides.contains("FedXdr"), sides.contains("service and FedXdr")) {
            (true, _) if sides.contains("service") => "that the service or FedXdr applies",
            (true, _) => "that FedXdr applies to the rows, because the service has no filter for this list",
            (_, true) => "that the service applies, and FedXdr once more, because the service misses rows",
            _ => "that the service applies",
        };
        add(
            "Filter",
            &format!(
                "OData condition {side}. Press Tab for the fields that it accepts. Text is in single quotes; times and \
             numbers are not."
            ),
        )?;
    }
    if cmdlet.has_since() {
        add("Since", &since(cmdlet))?;
    }
    for option in cmdlet.options() {
        add(option.name, option.doc)?;
    }
    for (name, text) in COMMON {
        add(name, text)?;
    }
    out.push('\n');
    Ok(out)
}

/// What a data cmdlet takes from the pipeline.
fn piped(cmdlet: &DataCmdlet) -> String {
    let ids = cmdlet.ids();
    if ids.is_empty() {
        return "Comes from the pipeline: a tenant, as text or as an object that `-TenantId` takes."
            .to_owned();
    }
    let names: Vec<_> = ids.iter().map(|id| format!("`-{}`", id.name)).collect();
    let text = match ids.first() {
        Some(first) if first.takes_text => {
            format!("A text is a tenant, or else a value of `-{}`.", first.name)
        }
        _ => "A text is a tenant.".to_owned(),
    };
    format!(
        "Comes from the pipeline. An object is read by the first of these parameters that it has an id for: {}. {text}",
        names.join(", ")
    )
}

fn since(cmdlet: &DataCmdlet) -> String {
    const LOCAL: &str = "A time without a zone is local.";
    let changes = cmdlet.entries.iter().find_map(|entry| match entry.since {
        Since::Query { days, .. } => Some((entry, days)),
        _ => None,
    });
    if let Some((entry, days)) = changes {
        let rows = lower(entry.doc);
        return format!("Gets {rows}, from this time on. The service keeps them for {days} days. {LOCAL}");
    }
    let fields: BTreeSet<_> = cmdlet
        .lists()
        .filter_map(|entry| match entry.since {
            Since::Field(field) => Some(pascal(field)),
            _ => None,
        })
        .collect();
    let fields: Vec<_> = fields.into_iter().collect();
    format!("Gets only rows whose {} is this time or a later one. {LOCAL}", fields.join(" or "))
}

/// The parameters of every data cmdlet.
const COMMON: [(&str, &str); 6] = [
    (
        "First",
        "Maximum number of rows to read, over all tenants. No more pages are requested than this number needs.",
    ),
    ("Raw", "Returns each row as a JSON string, unchanged, instead of an object."),
    (
        "TenantId",
        "Tenants to read from, instead of the connection's: ids or domain names, in a list or with commas in one \
         text, or objects such as the rows of `Import-Csv`. An object needs a member TenantId or CustomerId, or an Id \
         that is a GUID; TenantName, CustomerName, CompanyName, DisplayName or Name becomes the TenantName of its \
         rows. Accepted from the pipeline too, where tenants are read one after the other; rows of another cmdlet \
         bring their tenant along.",
    ),
    (
        "TenantSummary",
        "Name of a variable for a summary: what became of each tenant, as FedXdr.TenantSummary with the result, the \
         numbers of rows, pages and requests, the seconds of waiting, and the first error with its advice. Works \
         like `-ErrorVariable`: give the name without `$`; a `+` before it adds to the variable. \
         about_FedXdr_MultiTenant says more.",
    ),
    (
        "ThrottleLimit",
        "How many tenants are read at the same time. Values above 64 have no further effect; \
         about_FedXdr_MultiTenant says why.\n\nDefault: 64. \
         Without this parameter, 3 of them receive rows at the same time, up to 8 if the service is slow.",
    ),
    ("Connection", "Connection to use, instead of the runspace's default."),
];

/// What a data cmdlet takes and gives, and where to read on.
fn page_outputs(cmdlet: &DataCmdlet) -> Outcome<String> {
    let inputs = "### System.String[]\n\nTenants, as text or as objects with a TenantId or CustomerId.\n";
    let objects = "### System.Object\n\nRows of other cmdlets, or other objects with ids; ids as text.\n\n";
    let objects = if cmdlet.ids().is_empty() { "" } else { objects };
    let mut out = format!("\n## Inputs\n\n{objects}{inputs}\n## Outputs\n");
    let mut known: Vec<&str> = Vec::new();
    for entry in &cmdlet.entries {
        if known.contains(&entry.class) {
            continue;
        }
        known.push(entry.class);
        let text = format!(
            "{}. AdditionalProperties holds what the service sends and this version does not know.",
            entry.doc
        );
        write!(out, "\n### FedXdr.{}\n\n{}", entry.class, wrap(&text, COLUMNS))?;
    }
    out.push_str("\n### System.String\n\nWith `-Raw`: one JSON object per row.\n\n## Related links\n\n");
    out.push_str(
        "- [Test-FdxConnection](Test-FdxConnection.md)\n- [Invoke-FdxRequest](Invoke-FdxRequest.md)\n",
    );
    let mut pages: Vec<&str> = Vec::new();
    for entry in &cmdlet.entries {
        if !pages.contains(&entry.reference) {
            pages.push(entry.reference);
            let what = selector(cmdlet, entry).unwrap_or_else(|| "API".to_owned());
            writeln!(out, "- [{what}]({})", entry.reference)?;
        }
    }
    out.push('\n');
    Ok(out)
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
    // CVE and the like stay.
    if text.chars().nth(1).is_some_and(char::is_uppercase) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// As [`wrap`], line by line: the items of a list.
fn wrap_item(text: &str, columns: usize) -> String {
    text.lines()
        .map(|line| {
            let indent = if line.starts_with("- ") || line.starts_with("* ") { "  " } else { "" };
            wrap(line, columns - indent.len()).trim_end().replace('\n', &format!("\n{indent}")) + "\n"
        })
        .collect()
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
