//! As much of JSON as the wrapper itself needs: members of an object and texts. Programs read
//! answers with a library of their choice.

/// The text of the member of that name of the outermost object.
pub fn member<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let bytes = document.as_bytes();
    let mut at = blank(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at = blank(bytes, at + 1);
    while bytes.get(at) == Some(&b'"') {
        let end = value(bytes, at)?;
        let key = &document[at + 1..end - 1];
        at = blank(bytes, end);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        at = blank(bytes, at + 1);
        let end = value(bytes, at)?;
        if key == name {
            return Some(&document[at..end]);
        }
        at = blank(bytes, end);
        if bytes.get(at) != Some(&b',') {
            return None;
        }
        at = blank(bytes, at + 1);
    }
    None
}

fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Where the value that starts at `at` ends.
fn value(bytes: &[u8], mut at: usize) -> Option<usize> {
    let start = at;
    let (mut depth, mut quoted) = (0usize, false);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => {
                quoted = !quoted;
                if !quoted && depth == 0 {
                    return Some(at);
                }
            }
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return (at - 1 > start).then_some(at - 1),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
}

/// The text that a JSON string stands for; empty where it is none.
pub fn text(json: &str) -> String {
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return String::new();
    };
    let mut units: Vec<u16> = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next() {
                Some('u') => {
                    let code: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&code, 16).unwrap_or(0xfffd));
                    continue;
                }
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

/// A JSON string of a text.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_those_of_the_outermost_object() {
        let document = r#" { "a" : {"b":1,"x":"}"} , "b":[1,{"b":2}], "c":"q\"}","d":-1.5e3 , "e":null}"#;
        assert_eq!(member(document, "a"), Some(r#"{"b":1,"x":"}"}"#));
        assert_eq!(member(document, "b"), Some(r#"[1,{"b":2}]"#));
        assert_eq!(member(document, "c"), Some(r#""q\"}""#));
        assert_eq!(member(document, "d").map(str::trim), Some("-1.5e3"));
        assert_eq!(member(document, "e"), Some("null"));
        for (document, name) in [(document, "x"), ("{}", "a"), ("[1]", "a"), ("", "a"), (r#"{"a"1}"#, "a"), (r#"{"a":"#, "a")] {
            assert_eq!(member(document, name), None, "{document}");
        }
    }

    #[test]
    fn texts_survive_quoting() {
        for sample in ["", "plain", "q\" b\\ n\n t\t", "é漢😀\u{1}"] {
            assert_eq!(text(&quoted(sample)), sample);
        }
        assert_eq!(text(r#""\ud83d\ude00\u00e9\/""#), "😀é/");
        assert_eq!(text("5"), "");
    }
}
