//! A demo office on loopback and the desk's window on it, for a person at a display.

use desk_tests::Failure;
use desk_tests::desk::{PASSPHRASE, TestDesk};
use desk_tests::office::{BRANCH, Office, password};
use desk_tests::programs::{program, repository};
use std::io::Write;
use std::process::Command;

/// Always the same, so that the desk of an earlier run finds its server again.
const LISTEN: &str = "127.0.0.1:4580";

fn main() -> Result<(), Failure> {
    let folder = repository().join("target/demo");
    let data = folder.join("server");
    let profile = folder.join("desk");
    let fresh = !profile.is_dir();
    std::fs::create_dir_all(&data).map_err(Failure::at("make the demo folder"))?;
    let office = Office::open_at(&data, 60, LISTEN)?;
    if fresh {
        let desk = TestDesk::open(&profile)?;
        desk.enrol(office.url(), &office.enrol_code(BRANCH)?, "agent1")?;
        desk.close();
    }
    let words = format!(
        "\n解绑台演示 · Unbind Desk demo\n  服务器 server      {}\n  解锁口令 passphrase {PASSPHRASE}\n  其他演示账号 other demo users: reviewer1, operator1, supervisor1 … 密码 password {}\n  关闭窗口即结束 · close the window to end\n",
        office.url(),
        password("〈账号 login〉")
    );
    writeln!(std::io::stdout(), "{words}").map_err(Failure::at("say how to sign in"))?;
    let mut window = Command::new(program("unbind-desk")?);
    let status = window
        .arg("--profile")
        .arg(&profile)
        .args(["--server", office.url()])
        .args(["--keystore", "file"])
        .status();
    let status = status.map_err(Failure::at("open the window"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("the window ended with {status}")))
    }
}
