//! Pages of lists.

use countersign::registry::Page;
use serde::Serialize;

/// The most bytes of JSON in a page, unless its first item alone has more.
const MAX_BYTES: usize = 256 * 1024;

/// Returns the page to read for a page of a list: with one item more, which tells whether there is a next page.
pub(super) const fn one_more(page: Page) -> Page {
    Page::after(page.after, page.limit.saturating_add(1))
}

/// Cuts a list that was read with one item more than its page holds. Returns the page, and the cursor
/// of the next one.
pub(super) fn cut<T, C>(
    mut items: Vec<T>,
    limit: u32,
    cursor: impl Fn(&T) -> C,
) -> (Vec<T>, Option<C>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    (items, next)
}

/// Returns how many of the items of a page fit into a response. A list of all items is not cut.
pub(super) fn fitting<T: Serialize>(items: &[T], page: Page) -> u32 {
    if page == Page::all() {
        return page.limit;
    }
    let mut left = MAX_BYTES;
    let mut fitting = 0;
    for item in items {
        let size = serde_json::to_string(item).map_or(0, |json| json.len());
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None => break,
        }
        fitting += 1;
    }
    page.limit.min(fitting.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_is_cut_at_its_limit_and_at_256_kib() {
        let kib = |count| vec!["x".repeat(1022); count];
        let page = Page::after(None, 1000);
        assert_eq!(fitting(&kib(1), page), 1);
        assert_eq!(fitting(&kib(256), page), 256);
        assert_eq!(fitting(&kib(300), page), 256);
        assert_eq!(fitting(&kib(300), Page::after(None, 100)), 100);
        assert_eq!(fitting(&kib(300), Page::all()), u32::MAX);
        assert_eq!(fitting(&["x".repeat(MAX_BYTES)], page), 1);
        assert_eq!(cut(vec![1, 2, 3], 2, |item| *item), (vec![1, 2], Some(2)));
        assert_eq!(cut(vec![1, 2], 2, |item| *item), (vec![1, 2], None));
        assert_eq!(cut(Vec::<u8>::new(), 1, |item| *item), (vec![], None));
    }
}
