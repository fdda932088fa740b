//! The template of a line of plain text: what stays when everything that varies is masked.
//!
//! `connection from 10.0.0.7 port 5123 closed in 12ms` becomes `connection from <*> port <*> closed in <*>ms`.
//!
//! A line is cut into runs of ASCII letters, digits and the characters that hold numbers together (`. : - _`). Each
//! run is masked by the first rule that fits:
//!
//! 1. It consists of hex digits, one of them decimal: at least 6 (a hash), or joined by two or more of `-` and `:` (a
//!    uuid, an IPv6 or MAC address, a date).
//! 2. It begins with `0x` and hex digits follow.
//! 3. Otherwise every stretch of decimal digits in it, with points or colons between digits taken along, is masked by
//!    itself; letters before and after stay. That covers `12ms`, `eth0`, IPv4 addresses with a port, `v1.2.3`.
//!
//! Runs of white space become one space, other control characters become a space, and the template ends at 200 bytes,
//! at a character's boundary. A template is an agent's name, so it is never empty.

/// The longest template, in bytes.
pub const TEMPLATE_MAX: usize = 200;

/// What stands for a masked part.
pub const MASK: &str = "<*>";

/// Writes the template of a line into `out`, which is cleared first; it can be kept from line to line.
pub fn template(line: &str, out: &mut String) {
    out.clear();
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() && out.len() < TEMPLATE_MAX {
        let byte = bytes[at];
        let end = if is_run(byte) {
            let end = end_of(bytes, at, is_run);
            mask_run(&line[at..end], out);
            end
        } else if byte.is_ascii_whitespace() || byte.is_ascii_control() {
            let end = end_of(bytes, at, |b| b.is_ascii_whitespace() || b.is_ascii_control());
            if !out.is_empty() {
                out.push(' ');
            }
            end
        } else {
            let end = end_of(bytes, at, |b| {
                !is_run(b) && !b.is_ascii_whitespace() && !b.is_ascii_control()
            });
            push_text(&line[at..end], out);
            end
        };
        at = end;
    }
    truncate(out);
    if out.is_empty() {
        out.push_str("(blank)");
    }
}

fn end_of(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|&b| !belongs(b)).map_or(bytes.len(), |n| from + n)
}

const fn is_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_')
}

/// Text outside runs; U+0080 to U+009F are control characters too, and no name may hold one.
fn push_text(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.push_str(text);
    } else {
        out.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
}

/// Masks one run. Punctuation at its ends is not part of what varies: `5123:` keeps its colon.
fn mask_run(run: &str, out: &mut String) {
    let core = run.trim_matches(['.', ':', '-', '_']);
    if core.is_empty() || !core.bytes().any(|b| b.is_ascii_digit()) {
        out.push_str(run);
        return;
    }
    let start = run.len() - run.trim_start_matches(['.', ':', '-', '_']).len();
    out.push_str(&run[..start]);
    if is_joined_hex(core.as_bytes()) || is_prefixed_hex(core.as_bytes()) {
        out.push_str(MASK);
    } else {
        mask_digits(core, out);
    }
    out.push_str(&run[start + core.len()..]);
}

fn is_prefixed_hex(core: &[u8]) -> bool {
    matches!(core, [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() && rest.iter().all(u8::is_ascii_hexdigit))
}

/// A hash has no joint and at least 6 digits, or `12d` would vanish with its unit; a uuid, an address or a date has
/// at least two, or `cafe-3` would vanish with its name.
fn is_joined_hex(core: &[u8]) -> bool {
    let mut joints = 0;
    for &byte in core {
        match byte {
            b'-' | b':' => joints += 1,
            b if b.is_ascii_hexdigit() => {}
            _ => return false,
        }
    }
    joints >= 2 || (joints == 0 && core.len() >= 6)
}

fn mask_digits(core: &str, out: &mut String) {
    let bytes = core.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_digit() {
            out.push_str(MASK);
            at = end_of_number(bytes, at);
        } else {
            let end = end_of(bytes, at, |b| !b.is_ascii_digit());
            out.push_str(&core[at..end]);
            at = end;
        }
    }
}

/// Points and colons between two digits belong to the number: 1.5, 10.0.0.7, 12:30.
fn end_of_number(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b), _) if b.is_ascii_digit() => at += 1,
            (Some(b'.' | b':'), Some(next)) if next.is_ascii_digit() => at += 1,
            _ => return at,
        }
    }
}

fn truncate(out: &mut String) {
    let mut end = out.len().min(TEMPLATE_MAX);
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    out.truncate(out.trim_end().len());
}
