//! What callers notice of an outage: the scenes that the tests play, with Landbridge and with
//! Envoy's own failover, one after the other under the same load.

use landbridge_testbed::scene::{Figures, Scene, Who};
use serde_json::{Map, Value, json};

use crate::Result;
use crate::report::round;

/// A scene's figures, by who failed over.
pub struct Played {
    name: &'static str,
    figures: Vec<(Who, Figures)>,
}

/// Plays them; a quick run only those that a region's loss is.
pub async fn play(quick: bool) -> Result<Vec<Played>> {
    let scenes = match quick {
        true => vec![Scene::region_loss()],
        false => Scene::all(),
    };
    let mut played = Vec::new();
    for scene in scenes {
        let mut figures = Vec::new();
        for who in Who::ALL {
            eprintln!("playing {} with {}", scene.name, who.name());
            figures.push((who, scene.play(who).await?.figures()));
        }
        played.push(Played {
            name: scene.name,
            figures,
        });
    }
    Ok(played)
}

pub fn print(played: &[Played]) {
    println!(
        "\n{:<14} {:<14} {:>14} {:>15} {:>20}",
        "scene", "", "failed GETs", "failed POSTs", "last failed or hung"
    );
    for Played { name, figures } in played {
        for (who, figures) in figures {
            println!(
                "{name:<14} {:<14} {:>14} {:>15} {:>18.1} s",
                who.name(),
                format!("{} of {}", figures.gets_failed, figures.gets),
                format!("{} of {}", figures.posts_failed, figures.posts),
                figures.last_bad,
            );
        }
    }
}

pub fn json(played: &[Played]) -> Value {
    let of = |Played { name, figures }: &Played| {
        let by_who = figures.iter().map(|(who, figures)| {
            let value = json!({
                "gets": figures.gets,
                "gets_failed": figures.gets_failed,
                "posts": figures.posts,
                "posts_failed": figures.posts_failed,
                "seconds_to_last_failed_or_hung": round(figures.last_bad),
            });
            (who.name().to_owned(), value)
        });
        ((*name).to_owned(), Value::Object(by_who.collect()))
    };
    Value::Object(played.iter().map(of).collect::<Map<_, _>>())
}
