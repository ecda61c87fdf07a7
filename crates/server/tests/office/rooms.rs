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
