//! As much of the syntax of the Kusto query language as is needed to see whether a query handles each row by itself.
//! <https://learn.microsoft.com/kusto/query>

/// Operators that handle each row by itself.
const ROW_WISE: &[&str] = &[
    "as",
    "extend",
    "filter",
    "lookup",
    "mv-apply",
    "mv-expand",
    "mvexpand",
    "order",
    "parse",
    "parse-kv",
    "parse-where",
    "project",
    "project-away",
    "project-by-names",
    "project-keep",
    "project-rename",
    "project-reorder",
    "sort",
    "where",
];

/// Tables without a time of their own, or with that of a snapshot, and the column by which their rows are divided.
/// <https://learn.microsoft.com/defender-xdr/advanced-hunting-schema-tables>
const WITHOUT_TIME: &[(&str, &str)] = &[
    ("DeviceTvmBrowserExtensions", "DeviceId"),
    ("DeviceTvmCertificateInfo", "DeviceId"),
    ("DeviceTvmHardwareFirmware", "DeviceId"),
    ("DeviceTvmInfoGathering", "DeviceId"),
    ("DeviceTvmSecureConfigurationAssessment", "DeviceId"),
    ("DeviceTvmSoftwareInventory", "DeviceId"),
    ("DeviceTvmSoftwareVulnerabilities", "DeviceId"),
    ("DeviceTvmSoftwareVulnerabilitiesKB", "CveId"),
    ("ExposureGraphEdges", "EdgeId"),
    ("ExposureGraphNodes", "NodeId"),
];

/// Words that mean something else than a name where a name may stand.
const KEYWORDS: &[&str] = &[
    "alias",
    "and",
    "as",
    "asc",
    "between",
    "bool",
    "boolean",
    "by",
    "contains",
    "count",
    "datatable",
    "date",
    "datetime",
    "decimal",
    "declare",
    "desc",
    "distinct",
    "double",
    "dynamic",
    "endswith",
    "evaluate",
    "extend",
    "externaldata",
    "facet",
    "false",
    "filter",
    "find",
    "float",
    "fork",
    "from",
    "getschema",
    "guid",
    "has",
    "has_all",
    "has_any",
    "hasprefix",
    "hassuffix",
    "in",
    "int",
    "invoke",
    "join",
    "kind",
    "let",
    "limit",
    "long",
    "lookup",
    "materialize",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "parse",
    "partition",
    "pattern",
    "print",
    "project",
    "query_parameters",
    "range",
    "real",
    "reduce",
    "render",
    "restrict",
    "sample",
    "scan",
    "search",
    "serialize",
    "set",
    "sort",
    "startswith",
    "string",
    "summarize",
    "take",
    "time",
    "timespan",
    "to",
    "toscalar",
    "totable",
    "top",
    "toplevel",
    "true",
    "typeof",
    "union",
    "uniqueid",
    "uuid",
    "view",
    "where",
    "with",
];

/// Why a text is no name of a variable; `None` if it is one.
pub(super) fn why_no_name(name: &str) -> Option<&'static str> {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    if !begins || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Some("is no name: letters, digits and underscores, with no digit at the start");
    }
    if name.starts_with("__") || name.ends_with("__") {
        return Some("begins or ends with two underscores, which the query language reserves");
    }
    KEYWORDS.contains(&name.to_ascii_lowercase().as_str()).then_some("is a keyword of the query language")
}

/// Whether the text has no token.
pub(super) fn is_empty(query: &str) -> bool {
    Tokens::of(query).next().is_none()
}

/// What matters of a query that handles each row by itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RowWise {
    /// The column by which a table without time is divided, and where a condition on it can be put in.
    pub(super) key: Option<(&'static str, usize)>,
    pub(super) sorts: bool,
    pub(super) looks_up: bool,
}

/// Checks that a query handles each row by itself, so that its parts add up to its result; or says why not.
pub(super) fn row_wise(query: &str) -> Result<RowWise, String> {
    let mut statements: Vec<Vec<Token<'_>>> = vec![Vec::new()];
    let mut depth = 0_i32;
    for token in Tokens::of(query) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            ";" if depth == 0 => {
                statements.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(statement) = statements.last_mut() {
            statement.push(token);
        }
    }
    statements.retain(|statement| !statement.is_empty());
    let Some(main) = statements.pop() else { return Err("the query is empty".to_owned()) };
    for statement in statements {
        let is_let = statement[0].is_word("let") || statement[0].is_word("set");
        if !is_let || statement.iter().any(|token| token.text == "|") {
            return Err("a statement before the query has a query of its own".to_owned());
        }
    }
    tabular(&main)
}

fn tabular(tokens: &[Token<'_>]) -> Result<RowWise, String> {
    let source = tokens[0];
    let of_its_own =
        ["datatable", "evaluate", "externaldata", "find", "let", "print", "range", "search", "set"];
    if !source.is_name || of_its_own.iter().any(|word| source.is_word(word)) {
        return Err(format!("the query does not begin with a table, but with '{}'", excerpt(source.text)));
    }
    let mut found = RowWise { key: key_of(source), ..RowWise::default() };
    if found.key.is_some() && tokens.get(1).is_some_and(|next| next.text != "|") {
        return Err("the query does not begin with the name of one table".to_owned());
    }
    let (mut depth, mut operator) = (0_i32, "");
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "|" if depth > 0 && operator != "mv-apply" => {
                return Err("a query is inside the query, and would get the same part of the rows".to_owned());
            }
            "|" if depth == 0 => {
                let name = operator_after(&tokens[index + 1..]);
                operator = ROW_WISE.iter().copied().find(|known| *known == name).ok_or_else(|| {
                    format!("the operator '{}' does not handle each row by itself", excerpt(&name))
                })?;
                found.sorts |= matches!(operator, "sort" | "order");
                found.looks_up |= operator == "lookup";
            }
            _ if operator.is_empty() && index > 0 && key_of(*token).is_some() => {
                return Err(format!("the table {} has no time, and is not the only one", token.text));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn key_of(table: Token<'_>) -> Option<(&'static str, usize)> {
    let known = WITHOUT_TIME.iter().find(|(name, _)| table.is_name && *name == table.text)?;
    Some((known.1, table.end))
}

/// The name of an operator, which may have a hyphen.
fn operator_after(tokens: &[Token<'_>]) -> String {
    let mut name = String::new();
    let mut end = None;
    for token in tokens.iter().take_while(|token| token.is_name || token.text == "-") {
        if end.is_some_and(|end| token.begin != end) {
            break;
        }
        name.push_str(token.text);
        end = Some(token.end);
    }
    name
}

fn excerpt(text: &str) -> String {
    crate::errors::excerpt(text, 40)
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    text: &'a str,
    begin: usize,
    end: usize,
    is_name: bool,
}

impl Token<'_> {
    fn is_word(&self, word: &str) -> bool {
        self.is_name && self.text == word
    }
}

/// The tokens of a query: names, texts, and single characters of anything else.
struct Tokens<'a> {
    query: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn of(query: &'a str) -> Self {
        Tokens { query, at: 0 }
    }

    /// Moves over blanks and comments.
    fn skip(&mut self) {
        loop {
            let rest = &self.query[self.at..];
            let blanks =
                rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
            self.at += blanks;
            let rest = &rest[blanks..];
            if !rest.starts_with("//") {
                return;
            }
            self.at += rest.find(['\r', '\n', '\u{2028}', '\u{2029}']).unwrap_or(rest.len());
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip();
        let rest = &self.query[self.at..];
        let first = rest.chars().next()?;
        let text = text_length(rest);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let is_name = text.is_none() && (first.is_alphabetic() || first == '_');
        let length = match text {
            Some(length) => length,
            None if is_name => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            None => first.len_utf8(),
        };
        let begin = self.at;
        self.at += length;
        Some(Token { text: &rest[..length], begin, end: self.at, is_name })
    }
}

/// The length of the text that this begins with, if it begins with one.
fn text_length(rest: &str) -> Option<usize> {
    for fence in ["```", "~~~"] {
        if let Some(inside) = rest.strip_prefix(fence) {
            return Some(inside.find(fence).map_or(rest.len(), |end| end + 2 * fence.len()));
        }
    }
    let hidden = rest.strip_prefix(['h', 'H']).unwrap_or(rest);
    let plain = hidden.strip_prefix('@').unwrap_or(hidden);
    let is_verbatim = plain.len() < hidden.len();
    let quote = plain.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let before = rest.len() - plain.len() + 1;
    let mut letters = plain[1..].char_indices().peekable();
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' if !is_verbatim => _ = letters.next(),
            c if c == quote => {
                if is_verbatim && letters.next_if(|(_, next)| *next == quote).is_some() {
                    continue;
                }
                return Some(before + at + 1);
            }
            '\r' | '\n' => return Some(before + at),
            _ => {}
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(query: &str) -> Vec<&str> {
        Tokens::of(query).map(|token| token.text).collect()
    }

    #[test]
    fn tokens_are_found_as_the_language_has_them() {
        for (query, expected) in [
            (
                "T | where a == 1 // x | y\n| take 1",
                vec!["T", "|", "where", "a", "=", "=", "1", "|", "take", "1"],
            ),
            (r"T|where a=='x\'| b'", vec!["T", "|", "where", "a", "=", "=", r"'x\'| b'"]),
            (r#"@"c:\" | h'a' H@'b''c'"#, vec![r#"@"c:\""#, "|", "h'a'", "H@'b''c'"]),
            ("```a | 'b\n``` | ~~~;~~~", vec!["```a | 'b\n```", "|", "~~~;~~~"]),
            ("// a\u{2028}x // b\ry", vec!["x", "y"]),
            ("'open | x\n|y", vec!["'open | x", "|", "y"]),
            ("  \u{feff} // only", vec![]),
        ] {
            assert_eq!(texts(query), expected, "{query}");
        }
    }

    #[test]
    fn a_query_is_split_only_if_each_row_is_handled_by_itself() {
        for query in [
            "DeviceEvents",
            "DeviceEvents | where Timestamp > ago(1d) and ActionType in ('a|b', 'summarize') | project DeviceId",
            "let a = 5; DeviceEvents | extend x = a | parse-where y with * 'z' | mv-expand q",
            "DeviceEvents // | count\n| where x == \"| take 5\"",
            "union DeviceEvents, DeviceFileEvents | project-away ReportId",
            "T | mv-apply x = y on (summarize max(x) | project x)",
            "T;",
        ] {
            assert_eq!(row_wise(query), Ok(RowWise::default()), "{query}");
        }
        for (query, says) in [
            ("T | summarize count() by x", "'summarize'"),
            ("T | where x > 1 | take 5", "'take'"),
            ("T | top 5 by x", "'top'"),
            ("T | count", "'count'"),
            ("T | distinct x", "'distinct'"),
            ("T | join kind=inner (U) on x", "'join'"),
            ("T | make-series a = 1", "'make-series'"),
            ("T | where x in ((U | project y))", "inside the query"),
            ("let u = U | where z; T | where x in (u)", "of its own"),
            ("declare query_parameters(a:int); T", "of its own"),
            ("print 1", "'print'"),
            ("(T | where a)", "'('"),
            ("union T, DeviceTvmSoftwareInventory", "DeviceTvmSoftwareInventory"),
            ("", "empty"),
        ] {
            let why = row_wise(query).unwrap_err();
            assert!(why.contains(says), "{query}: {why}");
        }
        let sorted = row_wise("T | sort by x | lookup U on y").unwrap();
        assert!(sorted.sorts && sorted.looks_up);
    }

    #[test]
    fn a_table_without_time_is_divided_by_its_key() {
        let query = "let a = 1;\n DeviceTvmSoftwareInventory | where x == a";
        let (key, after) = row_wise(query).unwrap().key.unwrap();
        assert_eq!((key, &query[after..]), ("DeviceId", " | where x == a"));
        assert_eq!(row_wise("ExposureGraphNodes").unwrap().key, Some(("NodeId", 18)));
        assert!(row_wise("DeviceTvmSoftwareInventory as x").is_err());
    }

    proptest! {
        /// Any text has tokens that follow each other, with nothing but blanks and comments between them.
        #[test]
        fn any_text_has_tokens(
            parts in prop::collection::vec(
                prop_oneof![
                    any::<char>().prop_map(String::from),
                    prop::sample::select(vec![
                        "T", "|", "where", "'", "\"", "@'", "h\"", "```", "~~~", "//",
                        "\n", "\\", "(", ")", ";", "let ",
                    ]).prop_map(str::to_owned),
                ],
                0..20,
            ),
        ) {
            let query = parts.concat();
            let mut end = 0;
            for token in Tokens::of(&query) {
                prop_assert!(token.begin >= end && token.end > token.begin, "{:?} {:?}", query, token);
                prop_assert_eq!(&query[token.begin..token.end], token.text);
                let is_blank = |c: char| c.is_whitespace() || c == '\u{feff}';
                let between = query[end..token.begin].trim_start_matches(is_blank);
                prop_assert!(between.is_empty() || between.starts_with("//"), "{:?} {:?}", query, token);
                end = token.end;
            }
            let _ = row_wise(&query);
        }
    }

    #[test]
    fn names_are_those_of_variables() {
        for name in ["a", "_a1", "Since", "deviceName"] {
            assert_eq!(why_no_name(name), None, "{name}");
        }
        for name in
            ["", "1a", "a b", "a-b", "ä", "__a", "a__", "where", "Datetime", "TRUE", "a;b", "a\u{2028}"]
        {
            assert!(why_no_name(name).is_some(), "{name}");
        }
    }
}
