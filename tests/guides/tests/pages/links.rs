//! Links between the pages, and the table of contents.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::page::{Page, markdown_files, repository};

#[test]
fn table_of_contents_lists_each_page_once() {
    let summary = Page::read("docs/SUMMARY.md".as_ref());
    let mut listed = BTreeSet::new();
    for target in links(&summary) {
        assert!(
            listed.insert(Path::new("docs").join(target)),
            "{target} is listed twice"
        );
    }
    let pages = markdown_files("docs".as_ref());
    let pages: BTreeSet<PathBuf> = pages
        .into_iter()
        .filter(|path| !path.ends_with("SUMMARY.md"))
        .collect();
    assert_eq!(listed, pages);
}

#[test]
fn every_relative_link_resolves() {
    let folders = ["docs", "crates", "packaging", "examples", ".github"];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| markdown_files(folder.as_ref()))
        .collect();
    files.extend(
        [
            "README.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "CHANGELOG.md",
        ]
        .map(PathBuf::from),
    );
    let mut broken = Vec::new();
    let mut links_checked = 0;
    for file in files {
        let page = Page::read(&file);
        for link in links(&page) {
            links_checked += 1;
            if let Err(reason) = resolve(&page, link) {
                broken.push(format!("{}: {link}: {reason}", file.display()));
            }
        }
    }
    assert!(links_checked > 100, "only {links_checked} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Returns the targets of links and images, except for those of other sites.
fn links(page: &Page) -> Vec<&str> {
    let mut found = Vec::new();
    for line in page.prose() {
        // What is in backticks is code.
        let prose = line.split('`').step_by(2);
        for text in prose {
            for after in text.split("](").skip(1) {
                found.extend(after.split([')', ' ']).next());
            }
            for name in ["href=\"", "src=\"", "srcset=\""] {
                found.extend(
                    text.split(name)
                        .skip(1)
                        .filter_map(|after| after.split('"').next()),
                );
            }
        }
    }
    found.retain(|target| !target.contains("://") && !target.starts_with("mailto:"));
    found
}

fn resolve(page: &Page, link: &str) -> Result<(), String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.path.clone(),
        path => normal(&page.path.parent().unwrap_or(Path::new("")).join(path))?,
    };
    if !repository().join(&target).exists() {
        return Err("there is no such file".to_owned());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let target = match repository().join(&target).is_dir() {
        true => target.join("README.md"),
        false => target,
    };
    let target = Page::read(&target);
    let mut headings = target
        .prose()
        .into_iter()
        .filter(|line| line.starts_with('#'));
    match headings.any(|heading| anchor_of(heading) == anchor) {
        true => Ok(()),
        false => Err("there is no such heading".to_owned()),
    }
}

/// Resolves `..` in a path that is relative to the root of the repository.
fn normal(path: &Path) -> Result<PathBuf, String> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if !normal.pop() => {
                return Err("it leaves the repository".to_owned());
            }
            Component::ParentDir | Component::CurDir => {}
            other => normal.push(other),
        }
    }
    Ok(normal)
}

/// Returns the anchor that GitHub and mdBook give to a heading.
fn anchor_of(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "[a](b.md) and [`c`](d.md#e), `[f](g.md)`\n```text\n[h](i.md)\n```\n<img src=\"j.svg\">[k](https://l)\n";
    let page = Page {
        path: "docs/page.md".into(),
        text: text.to_owned(),
    };
    assert_eq!(links(&page), ["b.md", "d.md#e", "j.svg"]);
    assert_eq!(
        anchor_of("## What `serve` does: a list"),
        "what-serve-does-a-list"
    );
    assert!(resolve(&page, "no-such-page.md").is_err());
    assert!(resolve(&page, "../../outside.md").is_err());
}
