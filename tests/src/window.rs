//! The real window, driven through WebKitWebDriver: what a person sees and does.

use crate::Failure;
use crate::programs::{Running, program};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Long enough for a busy machine; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(40);
/// Two frames and a transition.
const PAINT: Duration = Duration::from_millis(350);
/// Where the window stands on a display without a window manager.
const WINDOW: &str = "1280x840+0+0";
/// A session that does not come up in this time never will.
const START: Duration = Duration::from_secs(60);

/// One window with its driver.
pub struct Window {
    client: Client,
    pictures: PathBuf,
    driver: Running,
}

impl Window {
    /// Opens the desk on `profile`; screenshots go to `pictures`.
    pub async fn open(profile: &Path, pictures: &Path, more: &[&str]) -> Result<Self, Failure> {
        let port = free_port()?;
        let mut driver = Command::new("WebKitWebDriver");
        driver
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // wry lets itself be driven only when it is told to; the desk inherits this from its driver.
        driver
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true");
        let driver = Running::start(&mut driver)?;
        let mut arguments = vec![
            "--profile".to_owned(),
            profile.display().to_string(),
            "--keystore".to_owned(),
            "file".to_owned(),
        ];
        arguments.extend(more.iter().map(|&text| text.to_owned()));
        let options = json!({ "binary": program("unbind-desk")?, "args": arguments });
        let capabilities =
            Capabilities::from_iter([("webkitgtk:browserOptions".to_owned(), options)]);
        let client = tokio::time::timeout(START, connect(port, capabilities)).await;
        let client = client.map_err(|_| {
            Failure::new("the window did not come up in 60 s: is the display there?")
        })?;
        Ok(Self {
            client: client?,
            pictures: pictures.to_owned(),
            driver,
        })
    }
    /// Waits for the element with this `data-testid`.
    pub async fn find(&self, id: &str) -> Result<Element, Failure> {
        let css = format!("[data-testid=\"{id}\"]");
        let wait = self
            .client
            .wait()
            .at_most(PATIENCE)
            .every(Duration::from_millis(100));
        wait.for_element(Locator::Css(&css))
            .await
            .map_err(Failure::at(format!("wait for {id}")))
    }
    /// Clicks it once it can be clicked.
    pub async fn click(&self, id: &str) -> Result<(), Failure> {
        let mut last = String::new();
        for _ in 0..PATIENCE.as_millis() / 200 {
            let element = self.find(id).await?;
            self.bring_into_view(id).await?;
            match element.click().await {
                Ok(()) => return Ok(()),
                Err(error) => last = format!("{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(Failure::new(format!("click {id}: {last}")))
    }
    /// Scrolls it to the middle of its pane, clear of the heads and feet that stay in place.
    async fn bring_into_view(&self, id: &str) -> Result<(), Failure> {
        let script = "document.querySelector(arguments[0])?.scrollIntoView({ block: 'center' })";
        let css = format!("[data-testid=\"{id}\"]");
        let moved = self.client.execute(script, vec![json!(css)]).await;
        moved
            .map(drop)
            .map_err(Failure::at(format!("scroll to {id}")))
    }
    /// Replaces its text and leaves it.
    pub async fn fill(&self, id: &str, text: &str) -> Result<(), Failure> {
        self.keep_typing(id, text).await?;
        let element = self.find(id).await?;
        let tab: char = Key::Tab.into();
        element
            .send_keys(&tab.to_string())
            .await
            .map_err(Failure::at(format!("leave {id}")))
    }
    /// Replaces its text without leaving it.
    ///
    /// The text goes in as one input event: with an input method switched on, the driver's single keys lose Shift.
    pub async fn keep_typing(&self, id: &str, text: &str) -> Result<(), Failure> {
        self.find(id).await?;
        self.bring_into_view(id).await?;
        let script = "const field = document.querySelector(arguments[0]); field.focus(); field.select(); \
                      return document.execCommand('insertText', false, arguments[1])";
        let css = format!("[data-testid=\"{id}\"]");
        let typed = self
            .client
            .execute(script, vec![json!(css), json!(text)])
            .await;
        let typed = typed.map_err(Failure::at(format!("type into {id}")))?;
        if typed == json!(true) {
            Ok(())
        } else {
            Err(Failure::new(format!("{id} takes no text")))
        }
    }
    /// Chooses an option of a `<select>` by its value, as the keyboard would: the list is drawn anew after each save,
    /// so a handle on it from before is worth nothing.
    pub async fn choose(&self, id: &str, value: &str) -> Result<(), Failure> {
        self.find(id).await?;
        let script = "const list = document.querySelector(arguments[0]); if (!list || list.disabled) return false; \
                      if (![...list.options].some((one) => one.value === arguments[1])) return false; \
                      list.focus(); list.value = arguments[1]; list.dispatchEvent(new Event('change', { bubbles: true })); return true";
        let css = format!("[data-testid=\"{id}\"]");
        for _ in 0..PATIENCE.as_millis() / 200 {
            let chosen = self
                .client
                .execute(script, vec![json!(css), json!(value)])
                .await;
            if chosen.map_err(Failure::at(format!("choose in {id}")))? == json!(true) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(Failure::new(format!("{id} never offered {value}")))
    }
    /// Hands files to an `<input type=file>`.
    pub async fn upload(&self, id: &str, file: &Path) -> Result<(), Failure> {
        let element = self.find(id).await?;
        element
            .send_keys(&file.display().to_string())
            .await
            .map_err(Failure::at(format!("upload into {id}")))
    }
    /// Answers a field whatever its form: a choice, a tick, a list or text.
    pub async fn answer(&self, id: &str, value: &str) -> Result<(), Failure> {
        let element = self.find(id).await?;
        let tag = element
            .tag_name()
            .await
            .map_err(Failure::at(format!("look at {id}")))?;
        match tag.to_lowercase().as_str() {
            "select" => self.choose(id, value).await,
            "div" => self.click(&format!("{id}-{value}")).await,
            "input" if element.attr("type").await.ok().flatten().as_deref() == Some("checkbox") => {
                self.click(id).await
            }
            _ => self.fill(id, value).await,
        }
    }
    /// Waits until everything typed has become a fact.
    pub async fn settled(&self) -> Result<(), Failure> {
        let quiet = "return document.querySelectorAll('[data-testid=\"save-state\"][data-saving=\"true\"], [aria-invalid=\"true\"]').length";
        for _ in 0..PATIENCE.as_millis() / 200 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if self.run(quiet).await? == json!(0) {
                return Ok(());
            }
        }
        Err(Failure::new("something typed was not accepted"))
    }
    /// Opens a place of the interface by its address.
    pub async fn go(&self, hash: &str) -> Result<(), Failure> {
        self.client
            .execute("location.hash = arguments[0]", vec![json!(hash)])
            .await
            .map_err(Failure::at("go"))?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(())
    }
    /// Waits until an attribute has the value.
    pub async fn until_attribute(&self, id: &str, name: &str, wanted: &str) -> Result<(), Failure> {
        let mut seen = None;
        for _ in 0..PATIENCE.as_millis() / 200 {
            seen = self.find(id).await?.attr(name).await.ok().flatten();
            if seen.as_deref() == Some(wanted) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(Failure::new(format!(
            "{id}: {name} stayed {seen:?}, wanted {wanted}"
        )))
    }
    /// Waits until the case on screen is in this state.
    pub async fn until_state(&self, wanted: &str) -> Result<(), Failure> {
        let css = format!(
            "[data-testid=\"case-header\"] [data-testid=\"state-chip\"][data-state=\"{wanted}\"]"
        );
        let wait = self
            .client
            .wait()
            .at_most(PATIENCE)
            .every(Duration::from_millis(100));
        wait.for_element(Locator::Css(&css))
            .await
            .map(drop)
            .map_err(Failure::at(format!("wait for {wanted}")))
    }
    /// Runs a script in the page.
    pub async fn run(&self, script: &str) -> Result<Value, Failure> {
        self.client
            .execute(script, Vec::new())
            .await
            .map_err(Failure::at("run a script"))
    }
    /// Saves `name.png`: what the display shows, since the driver's own screenshot waits for ever without a compositor.
    pub async fn picture(&self, name: &str) -> Result<(), Failure> {
        tokio::time::sleep(PAINT).await;
        let file = self.pictures.join(format!("{name}.png"));
        let mut shot = Command::new("import");
        shot.args(["-window", "root", "-crop", WINDOW, "+repage"])
            .arg(file);
        let status = shot.status().map_err(Failure::at("take a picture"))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("take a picture: {status}")))
        }
    }
    /// Closes the window as its user would.
    pub async fn close(self) -> Result<(), Failure> {
        self.client
            .clone()
            .close()
            .await
            .map_err(Failure::at("close the window"))
    }
}

impl Drop for Window {
    /// The driver's child is the desk: left alone it would outlive a failed test and keep the keyboard.
    fn drop(&mut self) {
        // What stood on the display last says more than an error.
        let shot = Command::new("import")
            .args(["-window", "root"])
            .arg(self.pictures.join("last.png"))
            .status();
        drop(shot);
        let parent = self.driver.pid().to_string();
        // Nothing to end is as good.
        drop(
            Command::new("pkill")
                .args(["-KILL", "-P", &parent])
                .status(),
        );
    }
}

async fn connect(port: u16, capabilities: Capabilities) -> Result<Client, Failure> {
    let url = format!("http://127.0.0.1:{port}");
    let mut last = None;
    for _ in 0..50 {
        match ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.clone())
            .connect(&url)
            .await
        {
            Ok(client) => return Ok(client),
            Err(error) => last = Some(error.to_string()),
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Err(Failure::new(format!(
        "WebKitWebDriver: {}",
        last.unwrap_or_default()
    )))
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::at("find a free port"))?;
    Ok(listener
        .local_addr()
        .map_err(Failure::at("find a free port"))?
        .port())
}
