//! The same request with a larger `$skip`. A page with fewer rows than `$top` is the last one.

use url::Url;

use super::page::PageEnd;

const SKIP: &str = "$skip=";

pub(super) fn next(current: &Url, top: u32, end: &PageEnd) -> Option<Url> {
    if end.rows < u64::from(top) {
        return None;
    }
    let pairs = || current.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let skipped: u64 = pairs().find_map(|pair| pair.strip_prefix(SKIP)?.parse().ok()).unwrap_or(0);
    let skip = format!("{SKIP}{}", skipped + end.rows);
    let kept = pairs().filter(|pair| !pair.starts_with(SKIP));
    let query: Vec<&str> = kept.chain([skip.as_str()]).collect();
    let mut next = current.clone();
    next.set_query(Some(&query.join("&")));
    Some(next)
}
