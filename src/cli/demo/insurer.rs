//! The demo's insurer: the stories of the invented company, played by the simulator.

use encours::demo::{Demo, Story, StoryDecision};
use encours::model::Date;
use encours::sandbox::atradius::{BuyerSetup, ConditionSetup, Decision, DecisionCode, LayerSetup, Setup};

/// The setup of a simulator that plays the insurer of a demo.
pub fn setup(demo: &Demo, connection: &str, seed: u64, today: Date) -> Setup {
    let policy = demo.policy(connection);
    Setup {
        seed,
        today,
        customer_id: 4_100_417,
        policy_id: policy.number,
        policy_currency: policy.currency.to_string(),
        // The user counts in the policy's currency: both amounts are one.
        user_currency: policy.currency.to_string(),
        user_percent: 100,
        client_id: "demo-client".to_owned(),
        client_secret: "demo-secret".to_owned(),
        app_key: "demo-key".to_owned(),
        buyers: demo.insurer_stories().iter().map(buyer).collect(),
        token_lifetime_seconds: 1_800,
    }
}

/// The insurer's number of a buyer. The simulator prints the date of an announced withdrawal for even numbers only, and the
/// demo wants all of them told.
const fn number(story: &Story) -> u64 {
    story.insurer_buyer_id * 2
}

fn buyer(story: &Story) -> BuyerSetup {
    BuyerSetup {
        buyer_id: number(story),
        name: story.name.clone(),
        country_alpha3: story.country_alpha3.to_owned(),
        uid_type: story.uid_type.to_owned(),
        uid: story.uid.clone(),
        rating: story.rating,
        story: story.decisions.iter().filter_map(decision).collect(),
    }
}

/// A decision as the simulator takes it; none for the end of a part, which the simulator decides by itself on its day.
fn decision(decision: &StoryDecision) -> Option<Decision> {
    let code = match decision.code {
        "DC22" => return None,
        "DC01" => DecisionCode::Dc01,
        "DC02" => DecisionCode::Dc02,
        "DC03" => DecisionCode::Dc03,
        "DC04" => DecisionCode::Dc04,
        "DC05" => DecisionCode::Dc05,
        "DC08" => DecisionCode::Dc08,
        "DC09" => DecisionCode::Dc09,
        "DC21" => DecisionCode::Dc21,
        other => DecisionCode::Other(other.to_owned()),
    };
    let conditions = || -> Vec<ConditionSetup> {
        let conditions = decision.conditions.iter();
        conditions
            .map(|(code, text)| ConditionSetup { code: (*code).to_owned(), text: (*text).to_owned() })
            .collect()
    };
    let mut layers = decision.layers.iter().map(|(amount, expiry)| LayerSetup {
        amount: *amount,
        expiry: *expiry,
        conditions: Vec::new(),
    });
    let (mut first, mut second) = (layers.next(), layers.next());
    match (&mut second, &mut first) {
        // What is said of a decision with a temporary part is said of that part.
        (Some(layer), _) | (None, Some(layer)) => layer.conditions = conditions(),
        // A refusal has a reason and no amount.
        (None, None) => first = Some(LayerSetup { amount: 0, expiry: None, conditions: conditions() }),
    }
    let pending_indicator = (code == DecisionCode::Dc21).then(|| "W".to_owned());
    Some(Decision {
        on: decision.on,
        code,
        requested: decision.requested,
        first,
        second,
        effective_from: decision.effective_from,
        withdrawal_date: decision.withdrawal_on,
        pending_indicator,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use encours::demo::Day;
    use encours::sandbox::atradius::Sandbox;

    #[test]
    fn the_simulator_covers_what_the_stories_say_on_both_days() {
        let first: Date = "2026-03-10".parse().unwrap();
        let demo = Demo::new(1, first);
        let sandbox = Sandbox::new(setup(&demo, "insurer", 1, first));
        for day in Day::ALL {
            let date = demo.date(day);
            sandbox.set_today(date);
            let covers = sandbox.covers_snapshot();
            for story in demo.insurer_stories() {
                let told = story.decision_on(date).map(StoryDecision::granted);
                assert_eq!(covers.get(&number(story)).copied(), told, "{} on {date}", story.name);
            }
        }
    }
}
