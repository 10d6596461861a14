//! Thieves of authorization codes.

use std::rc::Rc;

use crate::{
    client::{self, Device, Got},
    invariants,
    owners::haunt,
    programs::Code,
    settings::PROGRAMS,
    world::World,
};

/// Some code leaked: from a log, from the browser's history, or with its verifier from the user's machine.
pub(crate) fn hunt(world: &Rc<World>, code: Code) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        let device = Device::new(&world, "thief of codes");
        let longest = [50, 5000, 90_000][world.dice.below(3)];
        world.executor.sleep(world.dice.between(0, longest)).await;
        match world.dice.below(4) {
            // Another client has the code, and proves itself.
            3 => {
                let other = PROGRAMS.into_iter().find(|other| *other != code.program);
                let code = Code { program: other.unwrap_or(code.program), ..code };
                nothing_comes_of_it(&world, &device, &code, &code.verifier, code.program.secret).await;
            }
            0 => with_verifier(&world, &device, &code).await,
            // The verifier of another request.
            1 => nothing_comes_of_it(&world, &device, &code, &"x".repeat(43), code.program.secret).await,
            _ if code.program.secret.is_some() => {
                nothing_comes_of_it(&world, &device, &code, &code.verifier, None).await;
            }
            _ => nothing_comes_of_it(&world, &device, &code, &"A".repeat(64), None).await,
        }
    });
}

/// A code that its program never redeemed, found minutes later with its verifier, as on a shared machine.
pub(crate) fn find_late(world: &Rc<World>, code: Code) {
    let world = Rc::clone(world);
    Rc::clone(&world).executor.spawn(world.people, async move {
        let device = Device::new(&world, "thief of codes");
        world.executor.sleep(world.dice.between(50_000, 600_000)).await;
        with_verifier(&world, &device, &code).await;
    });
}

/// A presentation that lacks the verifier, or the client's secret.
async fn nothing_comes_of_it(
    world: &Rc<World>,
    device: &Device,
    code: &Code,
    verifier: &str,
    secret: Option<&str>,
) {
    let (got, _) = code.redeem(world, device, verifier, secret).await;
    world.ledger.look(invariants::PKCE);
    if let Got::Done(_) = got {
        let seen = format!("the code of grant {} was enough", code.grant);
        world.ledger.violated(invariants::PKCE, world.now(), seen);
    }
}

/// The thief has everything that the program has.
async fn with_verifier(world: &Rc<World>, device: &Device, code: &Code) {
    world.ledger.codes.sends(&code.grant);
    world.ledger.excuse(&code.grant, world.now(), "its code was stolen");
    let (got, answered) = code.redeem(world, device, &code.verifier, code.program.secret).await;
    if let Got::Done(body) = got
        && let Some(mut pair) = client::pair(world, &body, &answered)
    {
        pair.access.is_grant = true;
        haunt(world, pair.access);
        // The refresh token is worth no more, once the program has come.
        world.executor.sleep(world.dice.between(15_000, 400_000)).await;
        let mut fields = vec![
            ("grant_type", "refresh_token"),
            ("client_id", code.program.id),
            ("refresh_token", &*pair.refresh),
        ];
        fields.extend(code.program.secret.map(|secret| ("client_secret", secret)));
        device.form(world, "/oauth/token", &fields).await;
    }
}
