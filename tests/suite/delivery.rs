//! Batches on their way to a factor, against real servers: each file arrives whole and once, whatever breaks on the way.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use encours::clock;
use encours::engine::Setup;
use encours::engine::assignments::{Error, Wanted, approve, by_hand, discard, make, send, send_again};
use encours::ids::sha256_hex;
use encours::ledger::{AssignmentFileRow, BatchState, NewAssignment};
use encours::model::Currency;

use serde_json::{Value, json};

use super::cycle::{client, invoice};
use crate::support::database::{Postgres, sqlite};
use crate::support::proxy::{Proxy, WHOLE};
use crate::support::python::Server;
use crate::support::sshd::Sshd;
use crate::support::world::{CLIENTS, ITEMS, World, day, run};

const CONTRACT: &str = "factor = \"Exemple Factor\"\nnumber = \"54321\"\nconnection = \"factor\"\nvalid_from = \"2026-01-01\"\n\
                        holdback_percent = \"10\"\n[[buyer]]\nsiren = \"404833048\"\nfactor_id = \"0001234\"\n";

/// Enough for a file of some 240 kB.
const INVOICES: u32 = 1_000;

/// Names and bytes.
pub(super) type Files = Vec<(String, Vec<u8>)>;

/// A batch that is approved, of a company whose connection with the factor has this delivery.
struct Approved {
    world: World,
    setup: Setup,
    batch: NewAssignment,
}

async fn approved(ledger: &str, delivery: &str, invoices: u32) -> Approved {
    let settings = "sender_domestic = \"11111\", client = \"54321\"";
    approved_as(ledger, "eurofactor", settings, delivery, invoices).await
}

/// The same, of a connection that writes other files.
async fn approved_as(
    ledger: &str,
    connector: &str,
    settings: &str,
    delivery: &str,
    invoices: u32,
) -> Approved {
    let tables = format!("[connection.delivery]\n{delivery}");
    let world = world_of(ledger, connector, settings, &tables);
    let setup = exported(&world, invoices).await;
    let batch = made(&setup).await.unwrap();
    approve(&setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();
    Approved { world, setup, batch }
}

/// A company with a contract, and a connection with the factor that has these settings and tables.
pub(super) fn world_of(ledger: &str, connector: &str, settings: &str, tables: &str) -> World {
    let world = World::new(ledger).with_csv().with(&format!(
        "[[connection]]\nid = \"factor\"\nconnector = \"{connector}\"\nsettings = {{ {settings} }}\n{tables}"
    ));
    std::fs::create_dir(world.path().join("contracts")).unwrap();
    std::fs::write(world.path().join("contracts/exemple.toml"), CONTRACT).unwrap();
    world
}

/// Reads so many invoices of one buyer.
pub(super) async fn exported(world: &World, invoices: u32) -> Setup {
    let setup = world.setup().await;
    world.export("clients_1.csv", format!("{CLIENTS}{}", client("C1", "404833048", "")).as_bytes());
    let items: String = (1..=invoices)
        .map(|number| invoice(&format!("F{number}"), "C1", "02/03/2026", "30/04/2026", "1150,00", "1150,00"))
        .collect();
    world.export("encours_1.csv", format!("{ITEMS}{items}").as_bytes());
    run(&setup, "2026-03-10").await;
    setup
}

pub(super) async fn made(setup: &Setup) -> Result<NewAssignment, Error> {
    let wanted = Wanted {
        contract: &setup.contracts[0],
        currency: Currency::EUR,
        on: day("2026-03-10"),
        statement_date: None,
    };
    Ok(make(setup, &wanted, "Alix", clock::now()).await?.batch)
}

impl Approved {
    async fn send(&self) -> Result<(), Error> {
        send(&self.setup, &self.batch.row.id, "Dominique", clock::now()).await.map(|_| ())
    }

    async fn refused(&self) -> String {
        self.send().await.unwrap_err().to_string()
    }

    async fn state(&self) -> BatchState {
        let mut tx = self.setup.ledger.read().await.unwrap();
        let rows = tx.assignments("exemple").await.unwrap();
        tx.rollback().await.unwrap();
        rows.iter().find(|row| row.id == self.batch.row.id).unwrap().state().unwrap()
    }

    async fn files(&self) -> Vec<AssignmentFileRow> {
        let mut tx = self.setup.ledger.read().await.unwrap();
        let files = tx.assignment_files(&self.batch.row.id).await.unwrap();
        tx.rollback().await.unwrap();
        files
    }

    fn file(&self) -> &AssignmentFileRow {
        let [file] = self.batch.files.as_slice() else { panic!("{} files", self.batch.files.len()) };
        file
    }

    /// Says that a process died right after "sending" was committed.
    async fn was_sending(&self, note: &str) {
        let mut tx = self.setup.ledger.begin().await.unwrap();
        let (from, to) = (BatchState::Approved, BatchState::Sending);
        assert!(
            tx.move_assignment(&self.batch.row.id, from, to, "Dominique", note, clock::now()).await.unwrap()
        );
        tx.commit().await.unwrap();
    }
}

pub(super) fn sftp(sshd: &Sshd, port: u16, host_key: &str, key: &str) -> String {
    format!(
        "way = \"sftp\"\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"{}\"\n{key}host_key = \"{host_key}\"\nfolder = \"{}\"",
        sshd.user,
        sshd.folder().display()
    )
}

pub(super) fn key_of(sshd: &Sshd) -> String {
    format!("key = \"file:{}\"\n", sshd.key("id").display())
}

/// What a folder holds: names and bytes, hidden ones left out.
fn shown(folder: &Path) -> Files {
    let mut files: Files = held(folder).into_iter().filter(|(name, _)| !name.starts_with('.')).collect();
    files.sort();
    files
}

pub(super) fn held(folder: &Path) -> Files {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let own = |path: std::path::PathBuf| {
        Some((path.file_name()?.to_string_lossy().into_owned(), std::fs::read(&path).ok()?))
    };
    paths.filter_map(own).collect()
}

/// Waits until something is so; fails when it does not become so.
async fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_file_goes_over_sftp_with_its_proof() {
    let sshd = Sshd::start();
    let postgres = Postgres::new().await;
    let rsa = format!("key = \"file:{}\"\nkey_passphrase = \"a passphrase\"\n", sshd.key("id_rsa").display());
    // The factor may have named the fingerprint of any key of its server.
    for (ledger, host_key, key) in
        [(sqlite(), &sshd.ed25519, key_of(&sshd)), (postgres.url.clone(), &sshd.rsa, rsa)]
    {
        let own = approved(&ledger, &sftp(&sshd, sshd.port, host_key, &key), 3).await;
        own.send().await.unwrap();
        let file = own.file();
        assert_eq!(
            held(&sshd.folder()),
            [(file.file_name.clone(), file.content.clone())],
            "and nothing hidden"
        );
        assert_eq!(own.state().await, BatchState::Sent);
        let address = format!("sftp://{}@127.0.0.1:{}", sshd.user, sshd.port);
        let folder = sshd.folder().canonicalize().unwrap();
        let expected = format!(
            "put there as {address}{}/{}; {} bytes, SHA-256 {}, host key {host_key}",
            folder.display(),
            file.file_name,
            file.content.len(),
            sha256_hex(&file.content)
        );
        assert_eq!(own.files().await[0].proof.as_ref(), Some(&expected));
        assert!(own.refused().await.contains("is sent; only an approved batch is sent"));
        std::fs::remove_file(folder.join(&file.file_name)).unwrap();
        own.setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_file_goes_over_sftp_with_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start("sftp_server.py", &[folder.path().to_str().unwrap(), "exemple", "s3cret"]);
    let secret = folder.path().join("secret");
    let delivery = format!(
        "way = \"sftp\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"exemple\"\npassword = \"file:{}\"\nhost_key = \"{}\"",
        server.port(),
        secret.display(),
        server.words[1]
    );
    for (password, is_let_in) in [("wr0ng", false), ("s3cret", true)] {
        std::fs::write(&secret, password).unwrap();
        let own = approved(&sqlite(), &delivery, 3).await;
        std::fs::remove_file(&secret).unwrap();
        if is_let_in {
            own.send().await.unwrap();
            assert_eq!(held(folder.path()), [(own.file().file_name.clone(), own.file().content.clone())]);
            let proof = own.files().await.remove(0).proof.unwrap();
            let path = format!("sftp://exemple@127.0.0.1:{}/{};", server.port(), own.file().file_name);
            assert!(proof.contains(&path) && !proof.contains("s3cret"), "{proof}");
        } else {
            let told = own.refused().await;
            assert!(told.contains("does not let the user in") && !told.contains("wr0ng"), "{told}");
            assert_eq!(own.state().await, BatchState::Approved);
        }
    }
}

#[tokio::test]
async fn nothing_is_said_to_another_server_and_nobody_else_is_let_in() {
    let sshd = Sshd::start();
    let strange = "SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM";
    let own = approved(&sqlite(), &sftp(&sshd, sshd.port, strange, &key_of(&sshd)), 3).await;
    let told = own.refused().await;
    for part in [
        format!("ssh-ed25519 {}", sshd.ed25519),
        format!("ssh-rsa {}", sshd.rsa),
        format!("and not the host_key of the connection, {strange}: nothing was said to it"),
    ] {
        assert!(told.contains(&part), "{told}");
    }
    assert_eq!((own.state().await, held(&sshd.folder())), (BatchState::Approved, vec![]));

    let stranger = format!("key = \"file:{}\"\n", sshd.key("id_stranger").display());
    let own = approved(&sqlite(), &sftp(&sshd, sshd.port, &sshd.ed25519, &stranger), 3).await;
    let told = own.refused().await;
    assert!(told.contains("does not let the user in") && told.contains("It would take publickey"), "{told}");
    assert_eq!((own.state().await, held(&sshd.folder())), (BatchState::Approved, vec![]));

    let wrong = sftp(&sshd, sshd.port, &sshd.ed25519, &key_of(&sshd)).replace("/in\"", "/out\"");
    let own = approved(&sqlite(), &wrong, 3).await;
    let told = own.refused().await;
    assert!(told.contains("/out cannot be used: No such file"), "{told}");

    let nobody = crate::support::free_port();
    let own = approved(&sqlite(), &sftp(&sshd, nobody, &sshd.ed25519, &key_of(&sshd)), 3).await;
    let told = own.refused().await;
    assert!(told.contains(&format!(":{nobody} cannot be reached")), "{told}");
    assert_eq!(own.state().await, BatchState::Approved);
}

#[tokio::test]
async fn an_upload_that_is_cut_leads_to_one_whole_file() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port).await;
    let delivery = sftp(&sshd, proxy.port, &sshd.ed25519, &key_of(&sshd));
    let first = approved(&sqlite(), &delivery, INVOICES).await;
    first.send().await.unwrap();
    let (sent, heard) = proxy.counted();
    assert!(sent > first.file().content.len() as u64 && heard > first.file().content.len() as u64);
    std::fs::remove_file(sshd.folder().join(&first.file().file_name)).unwrap();

    let own = approved(&sqlite(), &delivery, INVOICES).await;
    let (file, whole) = (own.file(), [(own.file().file_name.clone(), own.file().content.clone())]);
    // In the middle of the bytes: a part of them is there under the hidden name, and nothing to be seen.
    proxy.cut_after(sent / 2, WHOLE);
    let told = own.refused().await;
    assert!(told.contains("cannot be written: "), "{told}");
    assert_eq!(own.state().await, BatchState::Approved);
    let part = || held(&sshd.folder()).pop().map_or(0, |(_, bytes)| bytes.len());
    until("a part of the file arrives", || part() > 0).await;
    assert!(part() < file.content.len(), "{} of {} bytes", part(), file.content.len());
    assert_eq!(shown(&sshd.folder()), []);

    // Anywhere else, to the last answer: whatever was lost, the same command goes on, and never is a part to be seen.
    let mut named_unheard = 0;
    let size = file.content.len() as u64;
    let shares = (1..8).flat_map(|share| [(sent * share / 8, WHOLE), (WHOLE, heard * share / 8)]);
    // Once the batch is being sent, a connection hears the file once, when its hidden name is looked at, and then few words.
    let words = (0..100).map(|step| (WHOLE, size + step * 64));
    for (state, cuts) in
        [(BatchState::Approved, shares.collect::<Vec<_>>()), (BatchState::Sending, words.collect())]
    {
        for (to_server, from_server) in cuts {
            if own.state().await != state {
                break;
            }
            proxy.cut_after(to_server, from_server);
            let result = own.send().await;
            let there = shown(&sshd.folder());
            assert!(there.is_empty() || there == whole, "cut after {to_server} and {from_server}");
            named_unheard += usize::from(result.is_err() && there == whole);
        }
    }
    assert_eq!(own.state().await, BatchState::Sent);
    assert!(named_unheard > 0, "no cut was between the name and the word that it is given");
    assert_eq!(held(&sshd.folder()), whole);
    assert!(own.files().await[0].proof.as_ref().unwrap().contains(&sha256_hex(&file.content)));
    own.setup.ledger.close().await;
}

#[tokio::test]
async fn a_crash_between_the_name_and_its_proof_leads_to_one_file() {
    let sshd = Sshd::start();
    let folder = sshd.folder().canonicalize().unwrap();
    for crash in ["hidden", "named", "both", "taken", "lost", "elsewhere"] {
        let own = approved(&sqlite(), &sftp(&sshd, sshd.port, &sshd.ed25519, &key_of(&sshd)), 3).await;
        let file = own.file();
        let (part, path) = (folder.join(format!(".{}.part", file.file_name)), folder.join(&file.file_name));
        if matches!(crash, "hidden" | "both") {
            std::fs::write(&part, &file.content).unwrap();
        }
        if matches!(crash, "named" | "both") {
            std::fs::write(&path, &file.content).unwrap();
        }
        if crash == "lost" {
            std::fs::write(&part, &file.content[..100]).unwrap();
        }
        let port = if crash == "elsewhere" { 1 } else { sshd.port };
        let place = format!("sftp://{}@127.0.0.1:{port}{}", sshd.user, folder.display());
        own.was_sending(&format!("handed over into {place}")).await;
        if crash == "elsewhere" {
            assert!(own.refused().await.contains("put its folder back"));
            continue;
        }
        own.send().await.unwrap();
        let expected: &[_] =
            if crash == "taken" { &[] } else { &[(file.file_name.clone(), file.content.clone())] };
        assert_eq!(held(&folder), expected, "{crash}");
        let proof = own.files().await.remove(0).proof.unwrap();
        assert_eq!(proof.contains("and taken since"), crash == "taken", "{crash}: {proof}");
        let _ = std::fs::remove_file(path);
        own.setup.ledger.close().await;
    }
}

#[tokio::test]
async fn another_file_of_the_name_is_not_overwritten_at_the_other_side() {
    let sshd = Sshd::start();
    let own = approved(&sqlite(), &sftp(&sshd, sshd.port, &sshd.ed25519, &key_of(&sshd)), 3).await;
    let path = sshd.folder().join(&own.file().file_name);
    // Of another size, and of the same.
    for other in [vec![b'x'; 5], vec![b'x'; own.file().content.len()]] {
        std::fs::write(&path, &other).unwrap();
        let told = own.refused().await;
        assert!(told.contains("is there already and holds something else; it is not overwritten"), "{told}");
        assert_eq!((std::fs::read(&path).unwrap(), own.state().await), (other, BatchState::Approved));
    }
    std::fs::write(&path, &own.file().content).unwrap();
    own.send().await.unwrap();
    assert_eq!(held(&sshd.folder()).len(), 1, "the same bytes are this file");
    own.setup.ledger.close().await;
}

#[tokio::test]
async fn of_two_who_send_at_once_one_does() {
    let sshd = Sshd::start();
    let postgres = Postgres::new().await;
    for ledger in [sqlite(), postgres.url.clone()] {
        let own = approved(&ledger, &sftp(&sshd, sshd.port, &sshd.ed25519, &key_of(&sshd)), 3).await;
        let (one, other) = futures_util::future::join(own.send(), own.send()).await;
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let told = one.err().or(other.err()).unwrap().to_string();
        assert!(told.contains("was taken up by another command at the same time"), "{told}");
        assert_eq!(own.state().await, BatchState::Sent);
        let there = held(&sshd.folder());
        assert_eq!(there, [(own.file().file_name.clone(), own.file().content.clone())]);
        std::fs::remove_file(sshd.folder().join(&own.file().file_name)).unwrap();
        own.setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_batch_goes_one_way_only() {
    let sshd = Sshd::start();
    let delivery = sftp(&sshd, sshd.port, &sshd.ed25519, &key_of(&sshd));
    for (settings, connector, expected) in [
        (
            "out = \"to-factor\", sender_domestic = \"11111\", client = \"54321\"",
            "eurofactor",
            "\"out\" is given, and [connection.delivery] too: a batch goes one way",
        ),
        ("folder = \"exports\"", "csv", "\"delivery\" is for factors, and csv hands no batch over"),
    ] {
        let world = World::new(&sqlite()).with(&format!(
            "[[connection]]\nid = \"factor\"\nconnector = \"{connector}\"\nsettings = {{ {settings} }}\n[connection.delivery]\n{delivery}"
        ));
        let told = world.try_setup().await.err().unwrap().to_string();
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn a_check_tells_what_is_wrong_with_a_delivery_in_its_place() {
    let sshd = Sshd::start();
    let settings = "sender_domestic = \"11111\", client = \"54321\"";
    let check = |settings: &str, delivery: &str| -> Value {
        let world = World::new(&sqlite()).with(&format!(
            "[[connection]]\nid = \"factor\"\nconnector = \"eurofactor\"\nsettings = {{ {settings} }}\n[connection.delivery]\n{delivery}"
        ));
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_encours"))
            .args(["check", "--online", "--json", "--config"])
            .arg(world.file())
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(!told.contains("s3cret"), "{told}");
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
    };
    let good = sftp(&sshd, sshd.port, &sshd.ed25519, &key_of(&sshd));
    let found = check(settings, &good);
    let folder = sshd.folder().canonicalize().unwrap();
    let expected = format!(
        "factor: signed in, sftp://{}@127.0.0.1:{}{} is there",
        sshd.user,
        sshd.port,
        folder.display()
    );
    assert!(found["checked"].as_array().unwrap().contains(&json!(expected)), "{found}");
    assert_eq!((&found["problems"], &found["failures"]), (&json!([]), &json!([])));

    let found = check(settings, &good.replace("/in\"", "/out\""));
    assert!(found["failures"][0].as_str().unwrap().contains("factor, delivery: the folder"), "{found}");

    let found = check(settings, &good.replace(&key_of(&sshd), "password = \"s3cret\"\n"));
    let warning = found["warnings"][0]["message"].as_str().unwrap();
    assert!(warning.starts_with("password is a secret and stands in the file"), "{found}");

    let found = check(&format!("out = \"to-factor\", {settings}"), &good);
    let problem = &found["problems"][0];
    assert!(
        problem["message"].as_str().unwrap().contains("\"out\" is given, and [connection.delivery] too"),
        "{found}"
    );
    assert_eq!((&problem["line"], &problem["column"]), (&json!(12), &json!(20)), "{found}");

    let found = check(
        settings,
        &good.replace(&key_of(&sshd), &format!("key = \"file:{}\"\n", sshd.key("id_rsa").display())),
    );
    let problem = &found["problems"][0];
    assert!(
        problem["message"].as_str().unwrap().contains("delivery: key: the private key has a passphrase"),
        "{found}"
    );
    assert_eq!(problem["line"], json!(13), "{found}");
}

/// A mail server of the test's own, and what it keeps.
pub(super) struct Post {
    folder: tempfile::TempDir,
    pub(super) server: Server,
}

impl Post {
    pub(super) fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<&str> =
            [folder.path().to_str().unwrap()].into_iter().chain(more.iter().copied()).collect();
        let server = Server::start("smtp_server.py", &arguments);
        Self { folder, server }
    }

    /// Every mail that it took.
    pub(super) fn mails(&self) -> Vec<Value> {
        let files = held(self.folder.path()).into_iter().filter(|(name, _)| name.ends_with(".json"));
        files.map(|(_, bytes)| serde_json::from_slice(&bytes).unwrap()).collect()
    }
}

pub(super) fn mail(port: u16, more: &str) -> String {
    format!(
        "way = \"mail\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"finance@exemple.example\"\n\
         to = \"in@factor.example\"\n{more}"
    )
}

/// Fails unless a mail is of this batch, with its file and nothing else.
fn is_the_file(mail: &Value, own: &Approved, message_id: &str) {
    let [part] = mail["parts"].as_array().unwrap().as_slice() else { panic!("{}", mail["parts"]) };
    let content = base64::engine::general_purpose::STANDARD.decode(part["base64"].as_str().unwrap()).unwrap();
    assert!(content == own.file().content, "byte for byte");
    assert_eq!((&part["name"], &part["disposition"]), (&json!(own.file().file_name), &json!("attachment")));
    assert_eq!((&mail["message_id"], &mail["to"]), (&json!(message_id), &json!(["in@factor.example"])));
}

/// The Message-ID that a text tells.
fn told_id(told: &str) -> String {
    let (_, rest) = told.split_once("Message-ID ").unwrap();
    rest.split_inclusive('>').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_goes_by_mail_alone_and_byte_for_byte() {
    let post = Post::start(&["--login", "exemple", "s3cret"]);
    let postgres = Postgres::new().await;
    let secret = post.folder.path().join("secret");
    std::fs::write(&secret, "s3cret").unwrap();
    let more = format!(
        "user = \"exemple\"\npassword = \"file:{}\"\nsubject = \"Remise {{file}}\"",
        secret.display()
    );
    for (ledger, number) in [(sqlite(), 1), (postgres.url.clone(), 2)] {
        let own = approved(&ledger, &mail(post.server.port(), &more), 3).await;
        own.send().await.unwrap();
        assert_eq!(own.state().await, BatchState::Sent);
        let file = own.files().await.remove(0);
        let proof = file.proof.unwrap();
        let expected = format!(
            "mailed to in@factor.example with the Message-ID {}; {} bytes, SHA-256 {}; 127.0.0.1:{} answers 250 2.0.0 queued as {}",
            told_id(&proof),
            file.content.len(),
            sha256_hex(&file.content),
            post.server.port(),
            4710 + number
        );
        assert_eq!((proof, file.doubt), (expected.clone(), None));
        let mut mails = post.mails();
        assert_eq!(mails.len(), number);
        mails.retain(|mail| mail["message_id"] == told_id(&expected).as_str());
        let [one] = mails.as_slice() else { panic!("{} mails of one file", mails.len()) };
        is_the_file(one, &own, &told_id(&expected));
        assert_eq!(one["subject"], format!("Remise {}", own.file().file_name));
        assert!(own.refused().await.contains("is sent; only an approved batch is sent"));
        own.setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn what_a_mail_server_refuses_was_not_sent() {
    let post = Post::start(&[]);
    let closed = Post::start(&["--login", "exemple", "s3cret"]);
    let secret = post.folder.path().join("secret");
    std::fs::write(&secret, "wr0ng").unwrap();
    let (open, shut) = (mail(post.server.port(), ""), mail(closed.server.port(), ""));
    let wrong = format!("user = \"exemple\"\npassword = \"file:{}\"", secret.display());
    for (delivery, expected) in [
        (open.replace("in@", "nobody@"), "550"),
        (open.replace("in@", "full@"), "452"),
        (shut.clone(), "530"),
        (shut + &wrong, "535"),
        (mail(crate::support::free_port(), ""), "onnection refused"),
    ] {
        let own = approved(&sqlite(), &delivery, 3).await;
        let told = own.refused().await;
        assert!(told.contains("nothing was mailed: ") && told.contains(expected), "{told}");
        assert!(!told.contains("wr0ng"), "{told}");
        assert_eq!(
            (own.state().await, own.files().await.remove(0).doubt),
            (BatchState::Approved, None),
            "{expected}"
        );
        // So it may be tried again, or discarded.
        assert!(own.refused().await.contains(expected));
        discard(&own.setup, &own.batch.row.id, "Alix", "another way", clock::now()).await.unwrap();
        own.setup.ledger.close().await;
    }
    assert_eq!((post.mails(), closed.mails()), (vec![], vec![]));
}

#[tokio::test]
async fn a_mail_that_is_cut_is_in_doubt_and_goes_again_only_when_a_person_says_so() {
    let post = Post::start(&[]);
    let proxy = Proxy::to(post.server.port()).await;
    let postgres = Postgres::new().await;
    for (ledger, number) in [(sqlite(), 1), (postgres.url.clone(), 2)] {
        let own = approved(&ledger, &mail(proxy.port, ""), INVOICES).await;
        proxy.cut_after(own.file().content.len() as u64 / 2, WHOLE);
        let told = own.refused().await;
        let short = &own.batch.row.id[..8];
        for part in [
            "may have reached in@factor.example, or not",
            "the line broke off before its answer",
            &format!("`encours assignments sent {short} --because …`"),
            &format!("`encours assignments send {short} --again`"),
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert_eq!(own.state().await, BatchState::Sending);
        assert_eq!(post.mails().len(), number - 1, "half a mail is none");

        // Nothing happens unasked, with the line mended too.
        proxy.cut_after(WHOLE, WHOLE);
        assert_eq!(own.refused().await, told);
        let later = discard(&own.setup, &own.batch.row.id, "Alix", "gone", clock::now()).await;
        assert!(later.unwrap_err().to_string().contains("is sending"));
        assert_eq!(post.mails().len(), number - 1);

        send_again(&own.setup, &own.batch.row.id, "Dominique", clock::now()).await.unwrap();
        assert_eq!(own.state().await, BatchState::Sent);
        let mails = post.mails();
        assert_eq!(mails.len(), number);
        let one = mails.iter().find(|mail| mail["message_id"] == told_id(&told).as_str()).unwrap();
        is_the_file(one, &own, &told_id(&told));
        own.setup.ledger.close().await;
    }
    postgres.drop().await;
}

#[tokio::test]
async fn a_mail_whose_answer_is_lost_has_arrived_and_a_person_says_so() {
    let post = Post::start(&[]);
    let proxy = Proxy::to(post.server.port()).await;
    let first = approved(&sqlite(), &mail(proxy.port, ""), 3).await;
    first.send().await.unwrap();
    let (_, heard) = proxy.counted();
    // All that it says but the end of its answer to the mail, and of its goodbye.
    let own = approved(&sqlite(), &mail(proxy.port, ""), 3).await;
    proxy.cut_after(WHOLE, heard - "250 2.0.0 queued as 4712\r\n221 Bye\r\n".len() as u64);
    let told = own.refused().await;
    assert!(told.contains("may have reached"), "{told}");
    until("the mail is there", || post.mails().len() == 2).await;
    let row =
        by_hand(&own.setup, &own.batch.row.id, "Dominique", "the factor has it", clock::now()).await.unwrap();
    assert_eq!(row.state().unwrap(), BatchState::Sent);
    let file = own.files().await.remove(0);
    assert_eq!((file.proof.as_deref(), file.doubt), (Some("Dominique: the factor has it"), None));
    assert_eq!(post.mails().len(), 2);

    // A process that dies after it began says nothing at all, and leaves the same doubt.
    let own = approved(&sqlite(), &mail(post.server.port(), ""), 3).await;
    own.was_sending("handed over by mail to in@factor.example").await;
    let mut tx = own.setup.ledger.begin().await.unwrap();
    assert!(
        tx.doubt_assignment_file(&own.batch.row.id, 0, None, None, Some("begun by Dominique")).await.unwrap()
    );
    assert!(
        !tx.doubt_assignment_file(&own.batch.row.id, 0, None, None, Some("begun by Alix")).await.unwrap()
    );
    tx.commit().await.unwrap();
    assert!(own.refused().await.contains("or not: begun by Dominique. Ask whether"));
    assert_eq!(post.mails().len(), 2);
}

#[tokio::test]
async fn of_two_files_only_the_one_in_doubt_is_a_persons_matter() {
    let post = Post::start(&[]);
    let settings = "seller = \"123456\", seller_siret = \"40483304800022\"";
    let own = approved_as(&sqlite(), "factofrance-csv", settings, &mail(post.server.port(), ""), 3).await;
    let [first, second] = own.batch.files.as_slice() else { panic!("{} files", own.batch.files.len()) };
    let id = own.batch.row.id.as_str();
    own.was_sending("handed over by mail to in@factor.example").await;
    let mut tx = own.setup.ledger.begin().await.unwrap();
    assert!(tx.doubt_assignment_file(id, first.position, None, None, Some("cut")).await.unwrap());
    tx.commit().await.unwrap();
    assert!(own.refused().await.contains(&format!("{} of batch 1", first.file_name)));
    let row = by_hand(&own.setup, id, "Dominique", "the factor has it", clock::now()).await.unwrap();
    assert_eq!(row.state().unwrap(), BatchState::Sending, "the other one is still to go");
    assert_eq!(own.files().await[1].proof, None);
    own.send().await.unwrap();
    assert_eq!(own.state().await, BatchState::Sent);
    let mails = post.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["parts"][0]["name"], second.file_name);
    own.setup.ledger.close().await;
}

#[tokio::test]
async fn no_mail_goes_without_the_tls_that_was_asked_for() {
    let post = Post::start(&["--starttls"]);
    let guarded = mail(post.server.port(), "").replace("\"none\"", "\"starttls\"");
    let own = approved(&sqlite(), &guarded, 3).await;
    let told = own.refused().await;
    assert!(told.contains("nothing was mailed") && told.contains("certificate"), "{told}");
    let plain = Post::start(&[]);
    let bare = approved(&sqlite(), &guarded.replace(&post.server.words[0], &plain.server.words[0]), 3).await;
    assert!(bare.refused().await.contains("STARTTLS is not supported"));
    assert_eq!((post.mails(), plain.mails()), (vec![], vec![]));
    assert_eq!(own.state().await, BatchState::Approved);

    // Trusted by the machine, the same server gets it: the whole program, in a process of its own.
    own.setup.ledger.close().await;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_encours"))
        .args(["assignments", "send", &own.batch.row.id, "--by", "Dominique", "--config"])
        .arg(own.world.path().join("encours.toml"))
        .env("SSL_CERT_FILE", post.folder.path().join("server.pem"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mails = post.mails();
    let id = mails[0]["message_id"].as_str().unwrap();
    assert_eq!(mails.len(), 1);
    is_the_file(&mails[0], &own, id);
}

/// A server that files are put to, and what it was told.
#[derive(Clone, Default)]
pub(super) struct Shelf {
    files: Arc<Mutex<Files>>,
}

impl Shelf {
    /// Its port. It wants a token, refuses names in /shut, leads elsewhere from /moved, and fails in /ill.
    pub(super) async fn open(&self) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = self.clone();
        let take = move |uri: axum::http::Uri, headers: axum::http::HeaderMap, body: axum::body::Bytes| async move {
            let answer = |status: u16, name: &'static str, text: String| {
                let status = axum::http::StatusCode::from_u16(status).unwrap();
                (status, [(name, text)])
            };
            if headers.get("authorization").is_none_or(|own| own != "Bearer t0ken") {
                return answer(401, "www-authenticate", "Bearer".to_owned());
            }
            match uri.path().split('/').nth(1).unwrap() {
                "moved" => answer(307, "location", "http://127.0.0.1:1/in".to_owned()),
                "shut" => answer(403, "x-why", "shut".to_owned()),
                "ill" => answer(503, "x-why", "ill".to_owned()),
                _ => {
                    let mut files = own.files.lock().unwrap();
                    files.retain(|(path, _)| path != uri.path());
                    files.push((uri.path().to_owned(), body.to_vec()));
                    answer(201, "etag", format!("\"{}\"", body.len()))
                }
            }
        };
        let router = axum::Router::new()
            .fallback(axum::routing::put(take).layer(axum::extract::DefaultBodyLimit::disable()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        port
    }

    pub(super) fn files(&self) -> Files {
        self.files.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_file_is_put_to_an_address_once_whatever_breaks() {
    let shelf = Shelf::default();
    let port = shelf.open().await;
    let proxy = Proxy::to(port).await;
    let secrets = tempfile::tempdir().unwrap();
    let token = secrets.path().join("token");
    std::fs::write(&token, "t0ken").unwrap();
    let delivery = |port: u16, path: &str| {
        format!(
            "way = \"http\"\nurl = \"http://127.0.0.1:{port}/{path}\"\ntoken = \"file:{}\"",
            token.display()
        )
    };
    let own = approved(&sqlite(), &delivery(proxy.port, "in/"), INVOICES).await;
    let whole = [(format!("/in/{}", own.file().file_name), own.file().content.clone())];
    proxy.cut_after(own.file().content.len() as u64 / 2, WHOLE);
    let told = own.refused().await;
    assert!(told.contains("the same command tries again") && !told.contains("t0ken"), "{told}");
    assert_eq!((own.state().await, shelf.files()), (BatchState::Sending, vec![]), "half a file is none");
    // Its answer is lost: the file is there, and is put once more.
    proxy.cut_after(WHOLE, 20);
    own.refused().await;
    assert_eq!((own.state().await, shelf.files() == whole), (BatchState::Sending, true));
    proxy.cut_after(WHOLE, WHOLE);
    own.send().await.unwrap();
    assert!(shelf.files() == whole);
    let expected = format!(
        "put to http://127.0.0.1:{}/in/{}; {} bytes, SHA-256 {}; it answers 201 Created, ETag \"{}\"",
        proxy.port,
        own.file().file_name,
        own.file().content.len(),
        sha256_hex(&own.file().content),
        own.file().content.len()
    );
    assert_eq!(own.files().await.remove(0).proof, Some(expected));
    assert_eq!(own.state().await, BatchState::Sent);

    for (port, path, expected, state) in [
        (port, "shut", "403 Forbidden", BatchState::Approved),
        (port, "moved", "leads to http://127.0.0.1:1/in, which is not followed", BatchState::Approved),
        (crate::support::free_port(), "in", "onnection refused", BatchState::Approved),
        (port, "ill", "503 Service Unavailable", BatchState::Sending),
    ] {
        let own = approved(&sqlite(), &delivery(port, path), 3).await;
        let told = own.refused().await;
        assert!(told.contains(expected), "{told}");
        assert_eq!(own.state().await, state, "{told}");
    }
    std::fs::write(&token, "another").unwrap();
    let own = approved(&sqlite(), &delivery(port, "in"), 3).await;
    let told = own.refused().await;
    assert!(told.contains("401 Unauthorized") && !told.contains("another"), "{told}");
    assert_eq!(shelf.files().len(), 1);
}
