use desk_server::ServerConfig;
use desk_server::run::House;
use std::fs;
use std::path::Path;

#[test]
fn sql_stands_in_the_repo_room_and_nowhere_else() {
    let words = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "rusqlite"];
    let mut looked_at = 0;
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.ends_with("repo") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let found: Vec<_> = words.iter().filter(|word| text.contains(**word)).collect();
            assert!(found.is_empty(), "{}: {found:?}", path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at > 15);
}

#[cfg(unix)]
#[test]
fn the_data_directory_is_open_to_nobody_else() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a/data");
    House::open(&ServerConfig::new(&data)).unwrap();
    let mode = fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
