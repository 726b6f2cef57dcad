//! A RabbitMQ vhost of a test's own, and a client that reads what was published.

use std::time::Duration;

use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::{Connection, ConnectionProperties};

use super::service;

pub struct Vhost {
    pub url: String,
    name: String,
}

pub async fn vhost(test: &str) -> Vhost {
    let base = service("ENCOURS_TEST_AMQP_URL");
    let (base, _) = base.rsplit_once('/').unwrap();
    let name = format!("{test}-{}", std::process::id());
    rabbitmqctl(&["add_vhost", &name]).await;
    rabbitmqctl(&["set_permissions", "-p", &name, "guest", ".*", ".*", ".*"]).await;
    Vhost { url: format!("{base}/{name}"), name }
}

impl Vhost {
    pub async fn remove(self) {
        rabbitmqctl(&["delete_vhost", &self.name]).await;
    }
}

async fn rabbitmqctl(arguments: &[&str]) {
    let program = service("ENCOURS_TEST_RABBITMQCTL");
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let status =
        tokio::task::spawn_blocking(move || std::process::Command::new(program).args(arguments).output())
            .await
            .unwrap()
            .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

#[derive(Debug)]
pub struct Message {
    pub id: String,
    pub routing_key: String,
    pub body: serde_json::Value,
}

pub struct Consumer;

impl Consumer {
    /// Everything that is in a queue now.
    pub async fn all(url: &str, queue: &str) -> Vec<Message> {
        let connect = Connection::connect(url, ConnectionProperties::default());
        let connection = tokio::time::timeout(Duration::from_secs(10), connect).await.unwrap().unwrap();
        let channel = connection.create_channel().await.unwrap();
        let mut messages = Vec::new();
        while let Some(message) = channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap() {
            message.delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
            messages.push(Message {
                id: message
                    .delivery
                    .properties
                    .message_id()
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                routing_key: message.delivery.routing_key.to_string(),
                body: serde_json::from_slice(&message.delivery.data).unwrap(),
            });
        }
        connection.close(200, "done".into()).await.unwrap();
        messages
    }
}
