//! Changes of a file.

use std::time::Duration;

use countersign::file::FileCredentials;

use crate::fixture::{
    BCRYPT, Folder, PASSWORD, Service, WHOLE_KEY, generate, key_entry, user_entry, whole_key_entry,
};

#[tokio::test]
async fn file_that_changes_takes_effect_as_a_whole() {
    let (folder, key) = (Folder::new(), generate("ci"));
    let ci = key_entry("ci", &key, "");
    let file = folder.open(&(ci.clone() + &whole_key_entry("billing", "")));
    let service = Service::new(&file);
    let (key, ada) = (key.issued.key.expose(), user_entry("ada", BCRYPT, ""));
    let statuses = async || {
        [
            service.key(key).await,
            service.key(WHOLE_KEY).await,
            service.basic("ada", PASSWORD).await,
        ]
    };
    assert_eq!(statuses().await, [200, 200, 401]);
    for (toml, expected) in [
        (ci.clone() + &ada, [200, 401, 200]),
        // An error in the last entry: nothing changes.
        (ada.clone() + "[[keys]]\nname = 'ci'", [200, 401, 200]),
        (ada, [401, 401, 200]),
        ("users = []".to_owned(), [401, 401, 401]),
        (ci, [200, 401, 401]),
    ] {
        folder.write(&toml);
        let _ = file.reload_if_changed();
        assert_eq!(statuses().await, expected, "{toml}");
    }
}

#[tokio::test]
async fn broken_file_keeps_the_last_good_one_and_is_reported_until_it_is_repaired() {
    let folder = Folder::new();
    let good = whole_key_entry("billing", "");
    let file = folder.open(&good);
    let service = Service::new(&file);
    assert!(file.check_ready().is_ok());
    for broken in ["", "keys", "keys = []\nx = 1", "\u{0}"] {
        folder.write(broken);
        for _ in 0..4 {
            let error = file.reload_if_changed().unwrap_err();
            let reported = file.check_ready().unwrap_err();
            assert_eq!(reported.to_string(), error.to_string());
            assert!(error.to_string().contains("credentials"), "{error}");
        }
        assert_eq!(service.key(WHOLE_KEY).await, 200, "{broken:?}");
    }
    std::fs::remove_file(folder.file()).unwrap();
    for _ in 0..4 {
        let error = file.reload_if_changed().unwrap_err();
        assert!(error.to_string().contains("cannot read"), "{error}");
    }
    assert_eq!(service.key(WHOLE_KEY).await, 200);

    folder.write(&good);
    file.reload_if_changed().unwrap();
    assert!(file.check_ready().is_ok());
    assert_eq!(service.key(WHOLE_KEY).await, 200);
}

#[tokio::test]
async fn error_of_a_reload_is_reported_although_the_next_look_finds_the_same_version() {
    let folder = Folder::new();
    let file = folder.open("keys = []");
    folder.write("x");
    for _ in 0..3 {
        assert!(file.reload().is_err());
    }
    for _ in 0..3 {
        assert!(file.reload_if_changed().is_err());
    }
    folder.write("keys = []");
    file.reload().unwrap();
    assert!(file.reload_if_changed().is_ok());
}

/// Kubernetes mounts a `ConfigMap` as links: `credentials` to `..data/credentials`, and `..data` to a folder of one version.
/// An update makes a folder of the new version, and replaces the link `..data` by renaming another to its name.
#[cfg(unix)]
#[tokio::test]
async fn link_that_leads_to_another_version_is_found() {
    use std::fs::{create_dir, rename, write};
    use std::os::unix::fs::symlink;

    let folder = Folder::new();
    let root = folder.path();
    let publish = |version: &str, toml: &str| {
        create_dir(root.join(version)).unwrap();
        write(root.join(version).join("credentials"), toml).unwrap();
        symlink(version, root.join("..data_tmp")).unwrap();
        rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    };
    publish("..1", &whole_key_entry("billing", ""));
    symlink("..data/credentials", folder.file()).unwrap();
    let file = FileCredentials::open(folder.file()).unwrap();
    let service = Service::new(&file);
    for _ in 0..3 {
        file.reload_if_changed().unwrap();
        assert_eq!(service.key(WHOLE_KEY).await, 200);
    }
    publish("..2", "keys = []");
    file.reload_if_changed().unwrap();
    assert_eq!(service.key(WHOLE_KEY).await, 401);
    publish("..3", "keys = [");
    assert!(file.reload_if_changed().is_err());
    publish("..4", &whole_key_entry("billing", ""));
    file.reload_if_changed().unwrap();
    assert_eq!(service.key(WHOLE_KEY).await, 200);
}

// The time is tokio's, and passes at once.
#[tokio::test(start_paused = true)]
async fn watch_finds_changes_until_the_last_user_of_the_credentials_is_gone() {
    let folder = Folder::new();
    let file = folder.open(&whole_key_entry("billing", ""));
    let service = Service::new(&file);
    let watch = tokio::spawn(file.watch(Duration::from_secs(5)));
    drop(file);
    let becomes = async |status: u16| {
        for _ in 0..100 {
            if service.key(WHOLE_KEY).await == status {
                return true;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        false
    };
    assert!(becomes(200).await);
    folder.write("keys = []");
    assert!(becomes(401).await);
    folder.write("broken");
    tokio::time::sleep(Duration::from_secs(20)).await;
    folder.write(whole_key_entry("billing", ""));
    assert!(becomes(200).await);
    drop(service);
    watch.await.unwrap();
}
