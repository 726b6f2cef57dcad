//! A small company with an ERP that writes CSV files, and an insurer played by the simulator: enough to run cycles on.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use encours::config::Config;
use encours::engine::{CycleOptions, Report, Setup, SetupError, cycle};
use encours::sandbox::atradius::{BuyerSetup, Decision, DecisionCode, LayerSetup, Sandbox, Setup as Insurer};
use tempfile::TempDir;

pub const POLICY: &str = "0004711";

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A decision of the simulated insurer, in whole euros.
pub fn decision(on: &str, code: DecisionCode, requested: u64, amount: u64) -> Decision {
    Decision {
        on: day(on),
        code,
        requested,
        first: Some(LayerSetup { amount, expiry: None, conditions: Vec::new() }),
        second: None,
        effective_from: day(on),
        withdrawal_date: None,
        pending_indicator: None,
    }
}

/// A buyer of the simulated insurer, known by its SIREN.
pub fn buyer(buyer_id: u64, siren: &str, story: Vec<Decision>) -> BuyerSetup {
    BuyerSetup {
        buyer_id,
        name: format!("Acheteur {buyer_id}"),
        country_alpha3: "FRA".to_owned(),
        uid_type: "SN".to_owned(),
        uid: Some(siren.to_owned()),
        rating: 40,
        story,
    }
}

/// An insurer on a free port of this machine.
pub async fn insurer(today: &str, buyers: Vec<BuyerSetup>) -> (Sandbox, String) {
    insurer_stating(today, buyers, "EUR", 100).await
}

/// The same, which states every amount once more in a second currency: so many units of it for 100 euros.
pub async fn insurer_stating(
    today: &str,
    buyers: Vec<BuyerSetup>,
    second: &str,
    percent: u64,
) -> (Sandbox, String) {
    let sandbox = Sandbox::new(Insurer {
        seed: 1,
        today: day(today),
        customer_id: 42,
        policy_id: POLICY.to_owned(),
        policy_currency: "EUR".to_owned(),
        user_currency: second.to_owned(),
        user_percent: percent,
        client_id: "client".to_owned(),
        client_secret: "secret".to_owned(),
        app_key: "key".to_owned(),
        buyers,
        token_lifetime_seconds: 1800,
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
    (sandbox, url)
}

/// A folder with an `encours.toml` and what it points at.
pub struct World {
    pub folder: TempDir,
    config: String,
}

impl World {
    pub fn new(ledger: &str) -> Self {
        Self::of("exemple", ledger)
    }

    /// The same of another company.
    pub fn of(company: &str, ledger: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("exports")).unwrap();
        let config = format!(
            "[company]\nid = \"{company}\"\nname = \"Exemple SAS\"\ncountry = \"FR\"\n\n[ledger]\nurl = \"{ledger}\"\n\n"
        );
        Self { folder, config }
    }

    pub fn with(mut self, text: &str) -> Self {
        self.config.push_str(text);
        self.config.push_str("\n\n");
        self
    }

    pub fn with_csv(self) -> Self {
        self.with("[[connection]]\nid = \"erp\"\nconnector = \"csv\"\nsettings = { folder = \"exports\" }")
    }

    pub fn with_insurer(self, url: &str) -> Self {
        self.with(&format!(
            "[[connection]]\nid = \"insurer\"\nconnector = \"atradius\"\nurl = \"{url}\"\n[connection.settings]\n\
             client_id = \"client\"\nclient_secret = \"secret\"\napp_key = \"key\"\ncustomer_id = \"42\"\n\n[[policy]]\n\
             number = \"{POLICY}\"\nconnection = \"insurer\"\nvalid_from = \"2026-01-01\"\ninsured_percentage = \"90\"\n"
        ))
    }

    pub fn with_amqp(self, url: &str) -> Self {
        self.with(&format!("[amqp]\nurl = \"{url}\"\nqueue = \"encours.deltas.all\""))
    }

    /// Calls a connection by another id, wherever it is named.
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        self.config = self.config.replace(&format!("\"{from}\""), &format!("\"{to}\""));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file, written now.
    pub fn file(&self) -> PathBuf {
        let file = self.path().join("encours.toml");
        std::fs::write(&file, &self.config).unwrap();
        file
    }

    pub fn export(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path().join("exports").join(name), content).unwrap();
    }

    pub async fn setup(&self) -> Setup {
        self.try_setup().await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub async fn try_setup(&self) -> Result<Setup, SetupError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Config::load(&self.file()).unwrap_or_else(|problems| panic!("{}", problems[0]));
        Setup::open(&config).await
    }
}

pub async fn run(setup: &Setup, on: &str) -> Report {
    cycle(setup, day(on), &CycleOptions::default(), &|_| {}).await.unwrap()
}

/// Counts of the deltas of a report as `event=n`, sorted.
pub fn deltas(report: &Report) -> Vec<String> {
    report.deltas.iter().map(|(event, count)| format!("{event}={count}")).collect()
}

/// The reasons why operations were refused.
pub fn errors(report: &Report) -> Vec<String> {
    report.operations.iter().filter_map(|operation| operation.error.clone()).collect()
}

pub const CLIENTS: &str =
    "Code client;Raison sociale;SIREN;TVA;Pays;Plafond;Devise plafond;Délai (jours);Bloqué\n";
pub const ITEMS: &str =
    "Type;Pièce;Code client;Raison sociale;Date pièce;Échéance;Devise;Montant;Reste dû;Litige;Référence\n";
