//! What a fresh machine needs. Says what it installs, asks for rights only if needed.

use crate::exec::{self, Failed, command, has, root, say};
use std::process::Command;

/// Needed to build and to open the window.
const BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    "perl",
    "libwebkit2gtk-4.1-dev",
    "mold",
];
/// Needed to show Chinese, to test the window, the pages and servers that share a PostgreSQL.
const TEST: &[&str] = &[
    "xvfb",
    "xauth",
    "webkit2gtk-driver",
    "fonts-noto-cjk",
    "imagemagick",
    "xdotool",
    "x11-utils",
    "dbus-x11",
    "chromium",
    "postgresql",
    "locales",
    "sqlite3",
    "procps",
];

const BY_HAND: &str = "This is no Debian or Ubuntu. Please install by hand, then run this again:
  Fedora:  sudo dnf install webkit2gtk4.1-devel gcc perl mold xorg-x11-server-Xvfb webkit2gtk-driver google-noto-sans-cjk-fonts chromium sqlite postgresql-server
  Arch:    sudo pacman -S webkit2gtk-4.1 base-devel perl mold xorg-server-xvfb noto-fonts-cjk chromium sqlite postgresql
  macOS:   xcode-select --install   (the window needs nothing else)
  Windows: the MSVC build tools and Strawberry Perl; WebView2 comes with Windows 11
and on all of them Node.js 20 or newer.";

/// System packages and the interface's packages.
pub fn everything() -> Result<(), Failed> {
    system()?;
    interface()
}

/// Installs the missing system packages.
pub fn system() -> Result<(), Failed> {
    if !has("dpkg-query") {
        say(BY_HAND);
        return if cfg!(target_os = "linux") {
            Err(Failed("system packages are missing".to_owned()))
        } else {
            Ok(())
        };
    }
    let missing: Vec<&str> = BUILD
        .iter()
        .chain(TEST)
        .copied()
        .filter(|package| !installed(package))
        .collect();
    if !missing.is_empty() {
        say(&format!(
            "▸ installing system packages: {}",
            missing.join(" ")
        ));
        apt(&["update"])?;
        let mut arguments = vec!["install", "-y", "--no-install-recommends"];
        arguments.extend(&missing);
        apt(&arguments)?;
    }
    chinese_locale();
    if has("npm") {
        Ok(())
    } else {
        Err(Failed(
            "Node.js 20 or newer with npm is needed: install it, then run this again".to_owned(),
        ))
    }
}

/// Installs the interface's packages as locked; no package's script runs.
pub fn interface() -> Result<(), Failed> {
    for folder in ["ui", "tests/ui"] {
        let lock = root().join(folder).join("package-lock.json");
        let stamp = root().join(folder).join("node_modules/.package-lock.json");
        if !lock.is_file() || newer(&stamp, &lock) {
            continue;
        }
        say(&format!("▸ installing the packages of {folder}"));
        let mut npm = command("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(root().join(folder));
        exec::run("npm ci", &mut npm)?;
    }
    Ok(())
}

/// Builds the pages that the window embeds, if they are older than their sources.
pub fn pages() -> Result<(), Failed> {
    say("▸ building the interface");
    let mut npm = command("npm");
    npm.args(["run", "build", "--silent"])
        .current_dir(root().join("ui"));
    exec::run("npm run build", &mut npm)
}

fn newer(stamp: &std::path::Path, source: &std::path::Path) -> bool {
    let at = |path: &std::path::Path| path.metadata().and_then(|meta| meta.modified()).ok();
    matches!((at(stamp), at(source)), (Some(stamp), Some(source)) if stamp >= source)
}

fn installed(package: &str) -> bool {
    let answer = Command::new("dpkg-query")
        .args(["-W", "-f=${Status}", package])
        .output();
    answer.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).contains("install ok installed")
    })
}

fn apt(arguments: &[&str]) -> Result<(), Failed> {
    let root_already = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    let mut apt = if root_already {
        command("apt-get")
    } else {
        command("sudo")
    };
    if !root_already {
        say("  (asks for your password: system packages need it)");
        apt.arg("apt-get");
    }
    apt.args(["-o", "DPkg::Lock::Timeout=900", "-q"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    exec::run("apt-get", &mut apt)
}

/// The webview's own words are English without it.
fn chinese_locale() {
    let listed = Command::new("locale").arg("-a").output();
    if listed.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .to_lowercase()
            .contains("zh_cn.utf8")
    }) {
        return;
    }
    if !has("localedef") {
        return;
    }
    say("▸ generating the zh_CN.UTF-8 locale");
    let made = command("localedef")
        .args(["-i", "zh_CN", "-f", "UTF-8", "zh_CN.UTF-8"])
        .status();
    // Without the right to write it, menus of the webview stay English; nothing else changes.
    if !made.is_ok_and(|status| status.success()) {
        say("  could not; the webview's own menus will be English");
    }
}
