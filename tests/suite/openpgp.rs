//! Files for a factor that are encrypted and signed: what goes out is read by GnuPG, and never goes in clear instead.

use encours::config::Config;
use encours::engine::{Setup, SetupError};
use serde_json::Value;

use super::delivery::{exported, held, made, world_of};
use crate::support::database::sqlite;
use crate::support::world::World;

const SETTINGS: &str = "sender_domestic = \"11111\", client = \"54321\"";

/// The same, into a folder.
fn into_folder() -> String {
    format!("out = \"to-factor\", {SETTINGS}")
}

/// A world whose factor gets its files by a folder.
fn world(ledger: &str, tables: &str) -> World {
    let world = world_of(ledger, "eurofactor", &into_folder(), tables);
    std::fs::create_dir(world.path().join("to-factor")).unwrap();
    world
}

/// The same ledger under another table.
async fn opened_with(world: &World, tables: &str) -> Result<Setup, SetupError> {
    let file = world.file();
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, _) = text.split_once("[connection.openpgp]").unwrap_or((&text, ""));
    std::fs::write(&file, format!("{before}\n{tables}")).unwrap();
    Setup::open(&Config::load(&file).unwrap_or_else(|problems| panic!("{}", problems[0]))).await
}

/// Runs the program on the configuration as it stands; whether it went well, what it printed and what it complained of.
fn program(world: &World, arguments: &[&str]) -> (bool, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_encours"))
        .args(arguments)
        .arg("--config")
        .arg(world.path().join("encours.toml"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// What `encours check` says.
fn check(world: &World) -> Value {
    let (_, told, _) = program(world, &["check", "--json"]);
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

/// Where the table begins.
fn line_of_table(world: &World) -> usize {
    let text = std::fs::read_to_string(world.path().join("encours.toml")).unwrap();
    text.lines().position(|line| line == "[connection.openpgp]").unwrap() + 1
}

#[cfg(not(feature = "pgp"))]
#[tokio::test]
async fn a_build_without_openpgp_makes_and_sends_nothing_for_a_factor_that_wants_it() {
    use encours::clock;
    use encours::engine::assignments::{approve, discard};

    let world = world(&sqlite(), "");
    let setup = exported(&world, 3).await;
    let batch = made(&setup).await.unwrap();
    let id = batch.row.id.as_str();
    approve(&setup, id, "Dominique", clock::now()).await.unwrap();
    std::fs::write(world.path().join("factor.asc"), "a key").unwrap();
    let told = opened_with(&world, "[connection.openpgp]\nencrypt_to = \"file:factor.asc\"\n").await;
    let told = told.err().unwrap().to_string();
    let expected =
        "connection \"factor\": openpgp: this build of Encours has no OpenPGP: build it with `cargo build";
    assert!(told.contains(expected), "{told}");
    let found = check(&world);
    let problem = &found["problems"][0];
    assert!(problem["message"].as_str().unwrap().contains("has no OpenPGP"), "{found}");
    assert_eq!(problem["line"], line_of_table(&world), "{found}");

    for arguments in [
        &["assignments", "send", id, "--by", "Dominique"][..],
        &["assignments", "files", id, "--out", world.path().to_str().unwrap()],
    ] {
        let (went_well, _, told) = program(&world, arguments);
        assert!(!went_well && told.contains("Nothing is sent in clear instead"), "{told}");
    }
    discard(&setup, id, "Alix", "to be encrypted", clock::now()).await.unwrap();
    let (went_well, _, told) =
        program(&world, &["assignments", "make", "--day", "2026-03-10", "--by", "Alix"]);
    assert!(!went_well && told.contains("has no OpenPGP"), "{told}");
    let mut tx = setup.ledger.read().await.unwrap();
    assert_eq!(tx.assignments("exemple").await.unwrap().len(), 1, "no other one was made");
    assert_eq!(held(&world.path().join("to-factor")), []);
}

#[cfg(feature = "pgp")]
mod with_gnupg {
    use std::path::Path;

    use base64::Engine as _;
    use encours::clock;
    use encours::engine::assignments::{Wanted, approve, make, send, send_again};
    use encours::ids::sha256_hex;
    use encours::ledger::{AssignmentFileRow, BatchState, NewAssignment};
    use encours::model::Currency;
    use encours::transport::seal::{Seal, Signer};

    use super::super::delivery::{Post, Shelf, key_of, mail, sftp};
    use super::*;
    use crate::support::database::Postgres;
    use crate::support::gpg::{CURVE, Gpg, Kind, RSA};
    use crate::support::sshd::Sshd;
    use crate::support::world::day;

    const FACTOR: &str = "Exemple Factor <files@factor.example>";
    const OWN: &str = "Exemple SAS <finance@exemple.example>";

    /// A factor and a company, each with a key.
    struct Pair {
        factor: Gpg,
        factor_key: String,
        own: Gpg,
        own_key: String,
        own_passphrase: &'static str,
    }

    impl Pair {
        fn new(factor_kind: &Kind, own_kind: &Kind) -> Self {
            let (factor, own) = (Gpg::new(), Gpg::new());
            let (factor_key, own_key) = (factor.key(FACTOR, factor_kind), own.key(OWN, own_kind));
            own.public(&own_key, &own.path().join("own.asc"), true);
            factor.import(&own.path().join("own.asc"));
            Self { factor, factor_key, own, own_key, own_passphrase: own_kind.passphrase }
        }

        /// Writes the keys beside a configuration; the table that names them.
        fn table(&self, world: &Path) -> String {
            self.factor.public(&self.factor_key, &world.join("factor.asc"), true);
            self.own.secret(
                "--export-secret-keys",
                &self.own_key,
                self.own_passphrase,
                &world.join("own.asc"),
            );
            let mut table =
                "[connection.openpgp]\nencrypt_to = \"file:factor.asc\"\nsign_with = \"file:own.asc\"\n"
                    .to_owned();
            if !self.own_passphrase.is_empty() {
                std::fs::write(world.join("passphrase"), self.own_passphrase).unwrap();
                table.push_str("sign_passphrase = \"file:passphrase\"\n");
            }
            table
        }

        /// Fails unless the factor reads exactly this, and knows that it is ours.
        fn is_read(&self, sealed: &[u8], plain: &[u8], passphrase: &str) {
            let read = self.factor.read(sealed, passphrase);
            assert!(read.bytes == plain, "byte for byte");
            assert_eq!(read.said("DECRYPTION_INFO")[..2], ["2", "9"], "a detection code, and AES-256");
            assert!(read.said("GOODSIG").join(" ").ends_with(OWN), "{}", read.status);
            let valid = read.said("VALIDSIG");
            assert_eq!((valid[0], valid[7]), (self.own_key.as_str(), "10"), "our key, and SHA-512");
            assert!(read.status.contains("DECRYPTION_OKAY"), "{}", read.status);
            assert!(self.own.cannot_read(sealed), "it is for the factor alone");
        }
    }

    /// A batch that is approved.
    async fn approved(world: &World, table: &str) -> (Setup, NewAssignment) {
        let setup = {
            exported(world, 3).await.ledger.close().await;
            opened_with(world, table).await.unwrap()
        };
        let batch = made(&setup).await.unwrap();
        approve(&setup, &batch.row.id, "Dominique", clock::now()).await.unwrap();
        (setup, batch)
    }

    async fn sent(setup: &Setup, id: &str) -> Result<(), String> {
        send(setup, id, "Dominique", clock::now()).await.map(|_| ()).map_err(|error| error.to_string())
    }

    async fn files(setup: &Setup, id: &str) -> Vec<AssignmentFileRow> {
        let mut tx = setup.ledger.read().await.unwrap();
        let files = tx.assignment_files(id).await.unwrap();
        tx.rollback().await.unwrap();
        files
    }

    async fn state(setup: &Setup, id: &str) -> BatchState {
        let mut tx = setup.ledger.read().await.unwrap();
        let rows = tx.assignments("exemple").await.unwrap();
        tx.rollback().await.unwrap();
        rows.iter().find(|row| row.id == id).unwrap().state().unwrap()
    }

    async fn was_sending(setup: &Setup, id: &str, note: &str) {
        let mut tx = setup.ledger.begin().await.unwrap();
        let (from, to) = (BatchState::Approved, BatchState::Sending);
        assert!(tx.move_assignment(id, from, to, "Dominique", note, clock::now()).await.unwrap());
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn a_batch_is_sealed_once_and_read_by_the_factor() {
        let postgres = Postgres::new().await;
        let guarded = Kind { passphrase: "a passphrase", ..RSA };
        let guarded_curve = Kind { passphrase: "another one", ..CURVE };
        for (ledger, factor_kind, own_kind) in [
            (sqlite(), &RSA, &guarded_curve),
            (sqlite(), &guarded_curve, &guarded),
            (postgres.url.clone(), &CURVE, &CURVE),
        ] {
            let pair = Pair::new(factor_kind, own_kind);
            let world = world(&ledger, "");
            let (setup, batch) = approved(&world, &pair.table(world.path())).await;
            let id = batch.row.id.as_str();
            let kept = files(&setup, id).await.remove(0);
            assert_eq!(kept.sealed, batch.files[0].sealed);
            assert_eq!(kept.content_hash, sha256_hex(&kept.content));
            let hashes = format!("{} {}\n", kept.content_hash, kept.file_name);
            assert_eq!(
                batch.row.content_hash,
                sha256_hex(hashes.as_bytes()),
                "the batch's hash is of what can be read"
            );
            let sealed = kept.sealed.clone().unwrap();
            assert_eq!(kept.sealed_for.as_ref(), Some(&pair.factor_key));
            assert_eq!(kept.sealed_hash, Some(sha256_hex(&sealed)));

            sent(&setup, id).await.unwrap();
            let name = format!("{}.pgp", kept.file_name);
            assert_eq!(
                held(&world.path().join("to-factor")),
                [(name.clone(), sealed.clone())],
                "and nothing else"
            );
            pair.is_read(&sealed, &kept.content, factor_kind.passphrase);
            let proof = files(&setup, id).await.remove(0).proof.unwrap();
            let expected = format!(
                "/to-factor/{name}; SHA-256 {}, encrypted for the OpenPGP key {} from {} with the SHA-256 {}",
                sha256_hex(&sealed),
                pair.factor_key,
                kept.file_name,
                kept.content_hash
            );
            assert!(proof.ends_with(&expected), "{proof}");
            let again = made(&setup).await.unwrap_err().to_string();
            assert!(again.contains("nothing to assign"), "{again}");
            setup.ledger.close().await;
        }
        postgres.drop().await;
    }

    #[test]
    fn files_of_any_size_and_keys_of_each_kind_are_read() {
        let pair = Pair::new(&CURVE, &RSA);
        let folder = tempfile::tempdir().unwrap();
        pair.table(folder.path());
        // A binary key does as well as an armored one.
        pair.factor.public(&pair.factor_key, &folder.path().join("factor.gpg"), false);
        let (public, secret) =
            ["factor.gpg", "own.asc"].map(|name| std::fs::read(folder.path().join(name)).unwrap()).into();
        let seal = Seal::new(&public, Some(Signer { key: &secret, passphrase: None })).unwrap();
        assert_eq!(
            seal.told(),
            format!("encrypted for {} ({FACTOR}), signed by {} ({OWN})", pair.factor_key, pair.own_key)
        );
        for size in [0, 1, 511, 8_193, 524_288, 2_000_003] {
            let bytes: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
            let sealed = seal.seal("REMISE.TXT", &bytes, clock::now()).unwrap();
            pair.is_read(&sealed, &bytes, "");
            assert_ne!(sealed, seal.seal("REMISE.TXT", &bytes, clock::now()).unwrap());
        }
        for curve in ["nistp256", "nistp521"] {
            let kind = Kind { primary: curve, encrypts: curve, ..RSA };
            let pair = Pair::new(&kind, &kind);
            pair.table(folder.path());
            let [public, secret] =
                ["factor.asc", "own.asc"].map(|name| std::fs::read(folder.path().join(name)).unwrap());
            let seal = Seal::new(&public, Some(Signer { key: &secret, passphrase: None })).unwrap();
            pair.is_read(&seal.seal("a", b"b", clock::now()).unwrap(), b"b", "");
        }
        let unsigned = Seal::new(&public, None).unwrap();
        let read = pair.factor.read(&unsigned.seal("a", b"b", clock::now()).unwrap(), "");
        assert!(read.bytes == b"b" && !read.status.contains("SIG"), "{}", read.status);
    }

    #[test]
    fn a_key_that_may_not_be_used_is_refused_with_what_to_do() {
        let gpg = Gpg::new();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let old = "20200101T000000";
        let make = |name: &str, kind: &Kind| {
            let key = gpg.key(name, kind);
            gpg.public(&key, &at(name), true);
            key
        };
        let good = make("good", &CURVE);
        let signs = make("signs only", &Kind { encrypts: "", ..CURVE });
        let expired = make("expired", &Kind { made: old, lives: "1d", ..CURVE });
        let part = make("expired part", &Kind { encrypts: "", made: old, ..CURVE });
        gpg.run(
            &[
                "--faked-system-time",
                &format!("{old}!"),
                "--passphrase",
                "",
                "--quick-add-key",
                &part,
                "cv25519",
                "encr",
                "1d",
            ],
            b"",
        );
        gpg.public(&part, &at("expired part"), true);
        let revoked = make("revoked", &RSA);
        gpg.revoke(&revoked);
        gpg.public(&revoked, &at("revoked"), true);
        let revoked_part = make("revoked part", &CURVE);
        gpg.edit(&revoked_part, "key 1\nrevkey\ny\n0\n\ny\nsave\n");
        gpg.public(&revoked_part, &at("revoked part"), true);
        let other_curve =
            make("brainpool", &Kind { primary: "brainpoolP256r1", encrypts: "brainpoolP256r1", ..RSA });
        let elgamal = make("elgamal", &Kind { encrypts: "elg1024", ..RSA });
        let both: Vec<u8> =
            ["good", "signs only"].iter().flat_map(|name| std::fs::read(at(name)).unwrap()).collect();
        let both_binary = gpg.run(&["--export", &good, &signs], b"");
        gpg.secret("--export-secret-keys", &good, "", &at("secret"));

        let refused = |bytes: &[u8]| -> String {
            let seal = Seal::new(bytes, None);
            let told = seal.and_then(|seal| seal.usable(clock::now()));
            told.err().map_or_else(|| "it is taken".to_owned(), |error| error.to_string())
        };
        assert_eq!(refused(&std::fs::read(at("good")).unwrap()), "it is taken");
        let read = |name: &str| std::fs::read(at(name)).unwrap();
        for (name, bytes, expected) in [
            (
                "signs only",
                read("signs only"),
                format!("the key {signs} (signs only) has no part that encrypts. Ask the factor"),
            ),
            (
                "expired",
                read("expired"),
                format!("the key {expired} (expired) expired on 2020-01-02. Ask the factor"),
            ),
            (
                "expired part",
                read("expired part"),
                format!("the key {part} (expired part) expired on 2020-01-02"),
            ),
            ("revoked", read("revoked"), format!("the key {revoked} (revoked) is revoked")),
            (
                "revoked part",
                read("revoked part"),
                format!("the key {revoked_part} (revoked part) is revoked"),
            ),
            (
                "another curve",
                read("brainpool"),
                format!("nothing that the key {other_curve} (brainpool) says of itself can be verified"),
            ),
            ("elgamal", read("elgamal"), format!("nothing can be encrypted for {elgamal} (elgamal)")),
            (
                "secret",
                read("secret"),
                "it is a secret key, and the factor's public one belongs here".to_owned(),
            ),
            ("two", both_binary, "the file holds several keys: export the one that is meant".to_owned()),
            ("two blocks", both, "the file holds several keys".to_owned()),
            ("text", b"file.asc".to_vec(), "it is no OpenPGP key".to_owned()),
            ("nothing", Vec::new(), "it is no OpenPGP key".to_owned()),
        ] {
            let told = refused(&bytes);
            assert!(told.starts_with("encrypt_to: ") && told.contains(&expected), "{name}: {told}");
        }

        // A byte of a key that its owner's signature does not cover any more.
        let mut changed = gpg.run(&["--export", &good], b"");
        let last = changed.len() - 10;
        changed[last] ^= 1;
        assert!(refused(&changed).contains("has no part that encrypts"), "{}", refused(&changed));
    }

    #[test]
    fn of_several_parts_that_encrypt_the_newest_is_used_that_is_in_force() {
        let gpg = Gpg::new();
        let key = gpg.key(FACTOR, &Kind { made: "20200101T000000", ..CURVE });
        gpg.run(&["--passphrase", "", "--quick-add-key", &key, "rsa2048", "encr", "never"], b"");
        let reader = |gpg: &Gpg| {
            let seal = Seal::new(&gpg.run(&["--export", &key], b""), None).unwrap();
            let read = gpg.read(&seal.seal("a", b"b", clock::now()).unwrap(), "");
            read.said("ENC_TO")[1].to_owned()
        };
        assert_eq!(reader(&gpg), "1", "RSA");
        gpg.edit(&key, "key 2\nrevkey\ny\n0\n\ny\nsave\n");
        assert_eq!(reader(&gpg), "18", "ECDH");
    }

    #[test]
    fn a_key_that_cannot_sign_is_refused_with_what_to_do() {
        let (gpg, factor) = (Gpg::new(), Gpg::new());
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let public = factor.run(&["--export", &factor.key(FACTOR, &CURVE)], b"");
        let guarded = Kind { passphrase: "right", ..CURVE };
        let key = gpg.key("guarded", &guarded);
        gpg.secret("--export-secret-keys", &key, "right", &at("guarded"));
        gpg.public(&key, &at("public"), true);
        // The usual way to keep the primary key elsewhere: it comes without its secret part, and a subkey signs.
        gpg.secret("--export-secret-subkeys", &key, "right", &at("no part"));
        let expired = gpg.key("expired", &Kind { made: "20200101T000000", lives: "1d", ..CURVE });
        gpg.secret("--export-secret-keys", &expired, "", &at("expired"));
        let tried = |name: &str, passphrase: Option<&str>| {
            let secret = std::fs::read(at(name)).unwrap();
            let seal = Seal::new(&public, Some(Signer { key: &secret, passphrase }));
            seal.and_then(|seal| seal.seal("a", b"b", clock::now())).map_err(|error| error.to_string())
        };
        for (name, passphrase, expected) in [
            ("guarded", None, "sign_with: the key"),
            ("guarded", None, "has a passphrase: write it as sign_passphrase"),
            ("guarded", Some("wr0ng"), "sign_passphrase: it does not open the key"),
            ("public", Some("right"), "sign_with: it is a public key, and only a secret one signs"),
            ("no part", Some("right"), "has no part that signs. Name another key of yours"),
            ("expired", None, "expired on 2020-01-02"),
        ] {
            let told = tried(name, passphrase).unwrap_err();
            assert!(told.contains(expected) && !told.contains("wr0ng"), "{name}: {told}");
        }
        assert!(tried("guarded", Some("right")).is_ok());

        gpg.run(&["--passphrase", "right", "--quick-add-key", &key, "ed25519", "sign", "never"], b"");
        gpg.secret("--export-secret-subkeys", &key, "right", &at("subkey"));
        gpg.public(&key, &at("public"), true);
        factor.import(&at("public"));
        let read = factor.read(&tried("subkey", Some("right")).unwrap(), "");
        let valid = read.said("VALIDSIG");
        assert!(valid[0] != key && valid.last() == Some(&key.as_str()), "by a subkey of it: {}", read.status);
        assert!(read.said("GOODSIG").join(" ").ends_with("guarded"));
    }

    #[tokio::test]
    async fn nothing_goes_in_clear_or_for_another_key_than_the_one_that_is_configured() {
        let (pair, other) = (Pair::new(&CURVE, &CURVE), Pair::new(&CURVE, &CURVE));
        let world = world(&sqlite(), "");
        let folder = world.path().join("to-factor");
        let (clear, batch) = approved(&world, "").await;
        let id = batch.row.id.as_str();
        assert_eq!(batch.files[0].sealed, None);

        let table = pair.table(world.path());
        let setup = opened_with(&world, &table).await.unwrap();
        let told = sent(&setup, id).await.unwrap_err();
        let expected = format!(
            "is in clear, and the connection \"factor\" now has [connection.openpgp] with the key {}",
            pair.factor_key
        );
        assert!(told.contains(&expected) && told.contains("discard the batch and make it again"), "{told}");
        let out = world.path().join("by-hand");
        std::fs::create_dir(&out).unwrap();
        let by_hand = ["assignments", "files", id, "--out", out.to_str().unwrap()];
        let (went_well, _, told) = program(&world, &by_hand);
        assert!(!went_well && told.contains("is in clear"), "{told}");
        assert_eq!(
            (state(&setup, id).await, held(&folder), held(&out)),
            (BatchState::Approved, vec![], vec![])
        );
        // One that had begun goes on with what it has.
        let place = folder.canonicalize().unwrap();
        std::fs::write(place.join(format!(".{}.part", batch.files[0].file_name)), &batch.files[0].content)
            .unwrap();
        was_sending(&clear, id, &format!("handed over into {}", place.display())).await;
        sent(&setup, id).await.unwrap();
        assert_eq!(held(&folder), [(batch.files[0].file_name.clone(), batch.files[0].content.clone())]);
        clear.ledger.close().await;
        setup.ledger.close().await;

        let world = super::world(&sqlite(), "");
        let folder = world.path().join("to-factor");
        let table = pair.table(world.path());
        let (setup, batch) = approved(&world, &table).await;
        let id = batch.row.id.as_str();
        let changed = opened_with(&world, &other.table(world.path())).await.unwrap();
        let told = sent(&changed, id).await.unwrap_err();
        assert!(told.contains(&format!("is encrypted for the key {}, and", pair.factor_key)), "{told}");
        assert!(told.contains(&other.factor_key), "{told}");
        // Without the table a batch that was sealed stays sealed.
        let without = opened_with(&world, "").await.unwrap();
        sent(&without, id).await.unwrap();
        let out = batch.files[0].outgoing();
        assert_eq!(held(&folder), [(out.name.clone(), out.bytes.to_vec())]);
        assert!(out.name.ends_with(".pgp") && batch.files[0].sealed.is_some());
        for own in [setup, changed, without] {
            own.ledger.close().await;
        }
    }

    #[tokio::test]
    async fn a_key_that_expires_stops_new_batches_and_nothing_else() {
        let pair = Pair::new(&Kind { lives: "30d", ..CURVE }, &CURVE);
        let world = world(&sqlite(), "");
        exported(&world, 3).await.ledger.close().await;
        let setup = opened_with(&world, &pair.table(world.path())).await.unwrap();
        let later = clock::now() + chrono::Days::new(31);
        let wanted = Wanted {
            contract: &setup.contracts[0],
            currency: Currency::EUR,
            on: day("2026-03-10"),
            statement_date: None,
        };
        let told = make(&setup, &wanted, "Alix", later).await.unwrap_err().to_string();
        assert!(told.contains("no batch is made, since it would go in clear: encrypt_to: the key"), "{told}");
        assert!(told.contains("expired on"), "{told}");
        // What was sealed in time goes all the same.
        let batch = made(&setup).await.unwrap();
        approve(&setup, &batch.row.id, "Dominique", later).await.unwrap();
        send(&setup, &batch.row.id, "Dominique", later).await.unwrap();
        assert_eq!(batch.row.number, 1, "and what was refused took no number");
        setup.ledger.close().await;

        let old = Gpg::new();
        let key = old.key(FACTOR, &Kind { made: "20200101T000000", lives: "1d", ..CURVE });
        old.public(&key, &world.path().join("factor.asc"), true);
        let setup =
            opened_with(&world, "[connection.openpgp]\nencrypt_to = \"file:factor.asc\"\n").await.unwrap();
        setup.ledger.close().await;
        let found = check(&world);
        let problem = found["problems"][0]["message"].as_str().unwrap();
        assert!(
            problem.contains("openpgp: encrypt_to: the key") && problem.contains("expired on 2020-01-02"),
            "{found}"
        );
    }

    #[tokio::test]
    async fn after_a_crash_the_same_bytes_go_over_sftp() {
        let sshd = Sshd::start();
        let pair = Pair::new(&CURVE, &CURVE);
        let delivery =
            format!("[connection.delivery]\n{}", sftp(&sshd, sshd.port, &sshd.ed25519, &key_of(&sshd)));
        let folder = sshd.folder().canonicalize().unwrap();
        for crash in ["none", "hidden", "named"] {
            let world = world_of(&sqlite(), "eurofactor", SETTINGS, &delivery);
            let (setup, batch) = approved(&world, &pair.table(world.path())).await;
            let (id, file) = (batch.row.id.as_str(), &batch.files[0]);
            let out = file.outgoing();
            if crash != "none" {
                let name = if crash == "hidden" { format!(".{}.part", out.name) } else { out.name.clone() };
                std::fs::write(folder.join(name), out.bytes).unwrap();
                let place = format!("sftp://{}@127.0.0.1:{}{}", sshd.user, sshd.port, folder.display());
                was_sending(&setup, id, &format!("handed over into {place}")).await;
            }
            sent(&setup, id).await.unwrap();
            assert_eq!(held(&folder), [(out.name.clone(), out.bytes.to_vec())], "{crash}");
            pair.is_read(out.bytes, &file.content, "");
            let proof = files(&setup, id).await.remove(0).proof.unwrap();
            for hash in [sha256_hex(out.bytes), file.content_hash.clone()] {
                assert!(proof.contains(&hash), "{proof}");
            }
            std::fs::remove_file(folder.join(&out.name)).unwrap();
            setup.ledger.close().await;
        }
    }

    #[tokio::test]
    async fn a_mail_carries_the_sealed_file_and_again_the_same() {
        let post = Post::start(&[]);
        let pair = Pair::new(&CURVE, &CURVE);
        let delivery = format!("[connection.delivery]\n{}", mail(post.server.port(), ""));
        let world = world_of(&sqlite(), "eurofactor", SETTINGS, &delivery);
        let (setup, batch) = approved(&world, &pair.table(world.path())).await;
        let (id, file) = (batch.row.id.as_str(), &batch.files[0]);
        was_sending(&setup, id, "handed over by mail to in@factor.example").await;
        let mut tx = setup.ledger.begin().await.unwrap();
        assert!(tx.doubt_assignment_file(id, 0, None, None, Some("cut")).await.unwrap());
        tx.commit().await.unwrap();
        assert!(sent(&setup, id).await.unwrap_err().contains("may have reached in@factor.example"));
        send_again(&setup, id, "Dominique", clock::now()).await.unwrap();
        let mails = post.mails();
        let [one] = mails.as_slice() else { panic!("{} mails", mails.len()) };
        let [part] = one["parts"].as_array().unwrap().as_slice() else { panic!("{one}") };
        let content =
            base64::engine::general_purpose::STANDARD.decode(part["base64"].as_str().unwrap()).unwrap();
        assert!(content == file.outgoing().bytes, "byte for byte");
        assert_eq!(
            (&part["name"], &one["subject"]),
            (&file.outgoing().name.into(), &file.outgoing().name.into())
        );
        pair.is_read(&content, &file.content, "");
        setup.ledger.close().await;
    }

    #[tokio::test]
    async fn what_is_put_to_an_address_is_sealed_too() {
        let shelf = Shelf::default();
        let port = shelf.open().await;
        let pair = Pair::new(&CURVE, &CURVE);
        let delivery = format!(
            "[connection.delivery]\nway = \"http\"\nurl = \"http://127.0.0.1:{port}/in/\"\ntoken = \"file:token\""
        );
        let world = world_of(&sqlite(), "eurofactor", SETTINGS, &delivery);
        std::fs::write(world.path().join("token"), "t0ken").unwrap();
        let (setup, batch) = approved(&world, &pair.table(world.path())).await;
        sent(&setup, &batch.row.id).await.unwrap();
        let (file, there) = (&batch.files[0], shelf.files());
        let out = file.outgoing();
        assert!(there == [(format!("/in/{}", out.name), out.bytes.to_vec())], "one file, as it was sealed");
        pair.is_read(&there[0].1, &file.content, "");
        setup.ledger.close().await;
    }

    #[tokio::test]
    async fn people_see_and_take_what_the_factor_gets() {
        let pair = Pair::new(&CURVE, &CURVE);
        let world = world_of(&sqlite(), "eurofactor", SETTINGS, "");
        let (setup, batch) = approved(&world, &pair.table(world.path())).await;
        setup.ledger.close().await;
        let (id, file) = (batch.row.id.as_str(), &batch.files[0]);
        let out = file.outgoing();
        let taken = |more: &[&str]| {
            let folder = tempfile::tempdir().unwrap();
            let arguments =
                [&["assignments", "files", id, "--out", folder.path().to_str().unwrap()], more].concat();
            let (went_well, told, wrong) = program(&world, &arguments);
            assert!(went_well, "{wrong}");
            (held(folder.path()), told)
        };
        let (there, told) = taken(&[]);
        assert_eq!(there, [(out.name.clone(), out.bytes.to_vec())]);
        assert!(told.contains(", encrypted as the factor gets them."), "{told}");
        let (there, told) = taken(&["--plain"]);
        assert_eq!(there, [(file.file_name.clone(), file.content.clone())]);
        assert!(told.contains(", in clear: not what the factor gets."), "{told}");

        let (_, told, _) = program(&world, &["assignments", "status", id]);
        let hash = file.sealed_hash.as_deref().unwrap();
        let expected = format!(
            "goes out as {}: {} bytes, SHA-256 {hash}, encrypted for the OpenPGP key {}.",
            out.name,
            out.bytes.len(),
            pair.factor_key
        );
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ").replace(' ', "");
        assert!(told.contains(&expected.replace(' ', "")), "{told}");
        let (_, told, _) = program(&world, &["assignments", "status", id, "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        let expected = serde_json::json!({ "name": out.name, "bytes": out.bytes.len(), "sha256": hash, "key": pair.factor_key });
        assert_eq!(told["files"][0]["sealed"], expected);
        assert_eq!(told["files"][0]["sha256"], file.content_hash.as_str());

        let found = check(&world);
        let fine = found["checked"].to_string();
        assert!(
            fine.contains(&format!(
                "batches are encrypted for {} ({FACTOR}), signed by {}",
                pair.factor_key, pair.own_key
            )),
            "{found}"
        );
        assert_eq!(found["problems"], serde_json::json!([]), "{found}");
    }

    #[tokio::test]
    async fn openpgp_is_for_who_gets_files() {
        let pair = Pair::new(&CURVE, &CURVE);
        let world = World::new(&sqlite()).with(
            "[[connection]]\nid = \"factor\"\nconnector = \"csv\"\nsettings = { folder = \"exports\" }",
        );
        let table = pair.table(world.path());
        let told = opened_with(&world, &table).await.err().unwrap().to_string();
        assert!(
            told.contains("\"openpgp\" is for factors that get files, and csv hands no batch over as files"),
            "{told}"
        );
        let found = check(&world);
        assert_eq!(found["problems"][0]["line"], line_of_table(&world), "{found}");
    }
}
