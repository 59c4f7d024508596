//! The layers in the Map of ARCHITECTURE.md: each layer uses itself and the entries above it, never one below.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use fedxdr_abi_tests::{read, sources};

/// The layers of a source tree, in order: the entries of the Map that name one of its folders.
fn stated_layers(architecture: &str, tree: &str) -> Vec<String> {
    let place = format!("* `{tree}/");
    let entries = architecture.lines().filter_map(|line| line.strip_prefix(place.as_str())?.split_once('`'));
    entries.map(|(name, _)| name.trim_end_matches('/').to_owned()).collect()
}

#[test]
fn csharp_layers_use_only_earlier_layers() {
    let layers = stated_layers(&read("ARCHITECTURE.md"), csharp::TREE);
    let sources = sources(csharp::TREE, "cs");
    assert!(layers.len() > 3, "the Map of ARCHITECTURE.md was not understood: {layers:?}");
    assert!(sources.len() > 50, "the sources were not found: {} files", sources.len());
    for layer in &layers {
        assert!(sources.iter().any(|source| csharp::layer(source) == layer), "{layer} has no file");
    }
    assert_eq!(csharp::violations(&layers, &sources), [] as [String; 0]);
}

#[test]
fn layers_are_in_the_order_of_the_map() {
    let map = "* `a/src`: all\n* `a/src/Low`: x\n* `b/src/Other`: y\n* `a/src/High/`: z\n";
    assert_eq!(stated_layers(map, "a/src"), ["Low", "High"]);
}

mod csharp {
    use std::collections::{BTreeMap, BTreeSet};

    use fedxdr_abi_tests::Source;

    pub(super) const TREE: &str = "module/src";
    const NAMESPACE: &str = "FedXdr";
    /// The layer of the cmdlets, which PowerShell finds in any namespace. The public classes of the other layers are
    /// in the namespace of the module, because users name them.
    const COMMANDS: &str = "Commands";

    const TYPES: &[&str] = &["class", "struct", "interface", "enum", "record"];
    const MODIFIERS: &[&str] = &[
        "abstract",
        "file",
        "internal",
        "partial",
        "private",
        "protected",
        "public",
        "readonly",
        "record",
        "ref",
        "sealed",
        "static",
        "unsafe",
    ];

    /// The folder of a file, or its own name if it is in no folder.
    pub(super) fn layer(source: &Source) -> &str {
        source.path.split('/').next().unwrap_or_default()
    }

    /// The violations of the rules, one sentence each.
    pub(super) fn violations(layers: &[String], sources: &[Source]) -> Vec<String> {
        let level = |name: &str| layers.iter().position(|layer| layer == name);
        let mut found = Vec::new();
        let mut known = Vec::new();
        for source in sources {
            match level(layer(source)) {
                Some(own) => known.push((own, source, tokens(&code(&source.text)))),
                None => found.push(format!("{}: this folder is not a layer", source.path)),
            }
        }
        // A type in the namespace FedXdr needs no `using`, so uses are also found by type name.
        let mut declared = BTreeMap::new();
        for (own, source, tokens) in &known {
            for declaration in declarations(tokens) {
                if !declaration.nested {
                    found.extend(misplaced(source, &declaration));
                    declared.insert(declaration.name.to_owned(), *own);
                }
            }
        }
        for (own, source, tokens) in &known {
            let mut above = BTreeSet::new();
            for (index, token) in tokens.iter().enumerate() {
                let namespace = follows(tokens, index, &[NAMESPACE, "."]).then(|| level(token)).flatten();
                let used = namespace.into_iter().chain(declared.get(token).copied());
                above.extend(used.filter(|used| used > own).map(|used| (token, &layers[used])));
            }
            let path = &source.path;
            found.extend(
                above.iter().map(|(name, layer)| format!("{path}: uses {name} of the later layer {layer}")),
            );
        }
        found
    }

    struct Declaration<'a> {
        namespace: String,
        name: &'a str,
        public: bool,
        nested: bool,
    }

    fn misplaced(source: &Source, declaration: &Declaration) -> Option<String> {
        let Declaration { namespace, name, public, .. } = declaration;
        let (path, own) = (&source.path, layer(source));
        let of_users = *public && own != COMMANDS;
        let expected = if of_users { NAMESPACE.to_owned() } else { format!("{NAMESPACE}.{own}") };
        (*namespace != expected)
            .then(|| format!("{path}: {name} is in {namespace}, but belongs in {expected}"))
    }

    fn declarations(tokens: &[String]) -> Vec<Declaration<'_>> {
        let mut found = Vec::new();
        let (mut namespace, mut top, mut depth) = (String::new(), 0, 0);
        for (index, token) in tokens.iter().enumerate() {
            let before = |token: &&String| MODIFIERS.contains(&token.as_str());
            match token.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                "namespace" => {
                    let name =
                        tokens[index + 1..].iter().take_while(|token| !matches!(token.as_str(), ";" | "{"));
                    namespace = name.map(String::as_str).collect();
                    top = usize::from(
                        tokens[index + 1..]
                            .iter()
                            .find(|t| matches!(t.as_str(), ";" | "{"))
                            .is_some_and(|t| t == "{"),
                    );
                }
                name if index > 0
                    && is_name(name)
                    && !TYPES.contains(&name)
                    && TYPES.contains(&tokens[index - 1].as_str()) =>
                {
                    let mut modifiers = tokens[..index - 1].iter().rev().take_while(before);
                    let public = modifiers.any(|modifier| modifier == "public");
                    found.push(Declaration {
                        namespace: namespace.clone(),
                        name,
                        public,
                        nested: depth > top,
                    });
                }
                _ => {}
            }
        }
        found
    }

    fn follows(tokens: &[String], index: usize, before: &[&str]) -> bool {
        index >= before.len() && tokens[index - before.len()..index].iter().eq(before)
    }

    fn is_name(token: &str) -> bool {
        token.starts_with(|c: char| c == '_' || c.is_alphabetic())
    }

    /// Words, and every other character by itself.
    fn tokens(code: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut in_word = false;
        for c in code.chars() {
            let word = c == '_' || c.is_alphanumeric();
            match found.last_mut() {
                Some(last) if word && in_word => last.push(c),
                _ if c.is_whitespace() => {}
                _ => found.push(c.to_string()),
            }
            in_word = word;
        }
        found
    }

    /// The text without comments and literals. The expressions in interpolated strings stay.
    fn code(text: &str) -> String {
        enum Mode {
            Code,
            /// In an expression of an interpolated string, with the number of its open braces.
            Expression(usize),
            Text {
                interpolated: bool,
            },
        }
        let mut modes = vec![Mode::Code];
        let mut code = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let mut used = c.len_utf8();
            match modes.last_mut() {
                Some(Mode::Text { interpolated }) => match c {
                    '\\' => used += rest[used..].chars().next().map_or(0, char::len_utf8),
                    '"' => drop(modes.pop()),
                    '{' | '}' if *interpolated && rest[1..].starts_with(c) => used = 2,
                    '{' if *interpolated => {
                        code.push_str(" { ");
                        modes.push(Mode::Expression(0));
                    }
                    _ => {}
                },
                mode => match c {
                    '/' if rest.starts_with("//") => used = rest.find('\n').unwrap_or(rest.len()),
                    '/' if rest.starts_with("/*") => used = rest.find("*/").map_or(rest.len(), |end| end + 2),
                    '\'' => used = character(rest),
                    '"' => {
                        assert!(
                            !rest.starts_with("\"\"\"") && !code.ends_with('@'),
                            "this test does not know this literal: {rest:.40}"
                        );
                        code.push(' ');
                        modes.push(Mode::Text { interpolated: code.trim_end().ends_with('$') });
                    }
                    '}' if matches!(mode, Some(Mode::Expression(0))) => {
                        code.push_str(" } ");
                        modes.pop();
                    }
                    _ => {
                        if let Some(Mode::Expression(open)) = mode {
                            *open = if c == '{' { *open + 1 } else { *open - usize::from(c == '}') };
                        }
                        code.push(c);
                    }
                },
            }
            rest = &rest[used..];
        }
        code
    }

    /// Length of the character literal at the start of the text.
    fn character(text: &str) -> usize {
        let escape = usize::from(text[1..].starts_with('\\'));
        let end = text[2 + escape..].find('\'').map(|end| end + 3 + escape);
        end.unwrap_or(text.len())
    }

    fn check(files: &[(&str, &str)]) -> Vec<String> {
        let layers = ["Low", "Middle", COMMANDS].map(str::to_owned);
        let source =
            |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
        violations(&layers, &files.iter().map(source).collect::<Vec<_>>())
    }

    const SHOWN: (&str, &str) = ("Middle/Shown.cs", "namespace FedXdr;\npublic sealed class Shown { }");

    #[test]
    fn uses_of_earlier_layers_are_accepted() {
        let used = "using FedXdr.Low;\nnamespace FedXdr.Commands;\n\
                    public class Get : Base { Shown a = FedXdr.Low.Base.Of(\"}\"); }";
        let own = "namespace FedXdr.Low { internal static class Base { private class Inner { } } }";
        assert_eq!(check(&[("Low/Base.cs", own), SHOWN, ("Commands/Get.cs", used)]), [] as [String; 0]);
    }

    #[test]
    fn a_namespace_of_a_later_layer_is_rejected() {
        let usings = "using FedXdr.Middle;\nnamespace FedXdr.Low;\ninternal class Base { }";
        assert_eq!(check(&[("Low/Base.cs", usings)]), ["Low/Base.cs: uses Middle of the later layer Middle"]);
        let qualified =
            "namespace FedXdr.Low;\ninternal class Base { object a = new global::FedXdr.Commands.Get(); }";
        assert_eq!(
            check(&[("Low/Base.cs", qualified)]),
            ["Low/Base.cs: uses Commands of the later layer Commands"]
        );
    }

    #[test]
    fn a_class_of_a_later_layer_is_rejected_without_its_namespace() {
        let expected = ["Low/Base.cs: uses Shown of the later layer Middle"];
        for line in
            ["Shown a;", "object a = $\"{{{Shown.Text(\"x\")}\";", "char a = '\"'; Shown b; char c = '\\'';"]
        {
            let base = format!("namespace FedXdr.Low;\ninternal class Base {{ {line} }}");
            assert_eq!(check(&[("Low/Base.cs", &base), SHOWN]), expected, "{line}");
        }
    }

    #[test]
    fn comments_and_strings_are_ignored() {
        let base = "// Shown\n/* Shown */\nnamespace FedXdr.Low;\n/// <see cref=\"Shown\"/>\n\
                    internal class Base { string a = \"\\\" Shown\", b = $\"{{Shown}}\"; }";
        assert_eq!(check(&[("Low/Base.cs", base), SHOWN]), [] as [String; 0]);
    }

    #[test]
    fn a_file_outside_the_layers_is_rejected() {
        let text = "namespace FedXdr;\npublic class Stray { }";
        assert_eq!(check(&[("Stray.cs", text)]), ["Stray.cs: this folder is not a layer"]);
        assert_eq!(check(&[("Other/Stray.cs", text)]), ["Other/Stray.cs: this folder is not a layer"]);
    }

    #[test]
    fn a_class_in_the_wrong_namespace_is_rejected() {
        for (path, text, expected) in [
            ("Middle/A.cs", "namespace FedXdr.Low;\ninternal class A { }", "FedXdr.Middle"),
            ("Low/A.cs", "namespace FedXdr;\ninternal readonly record struct A(int B);", "FedXdr.Low"),
            ("Low/A.cs", "namespace FedXdr.Low\n{\n    public enum A { }\n}", "FedXdr"),
            ("Commands/A.cs", "namespace FedXdr;\npublic abstract partial class A { }", "FedXdr.Commands"),
        ] {
            let found = check(&[(path, text)]);
            assert!(
                found.len() == 1 && found[0].ends_with(&format!("but belongs in {expected}")),
                "{text}\n{found:?}"
            );
        }
    }
}
