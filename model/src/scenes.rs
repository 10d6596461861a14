//! The scenes: each one small enough to be explored to its end.

use crate::{rules::met, world::Scene};

const NOTHING: Scene = Scene {
    name: "",
    about: "",
    tabs: 1,
    copies: 0,
    transit: 1,
    thief: false,
    receipts: true,
    faults: false,
    logout: false,
    absolute: false,
    calm: true,
    uses_before_storing: false,
    never_too_late: false,
    unstarved: false,
    meets: 0,
};

/// What any honest device meets.
const HONEST: u32 = met::ROTATE | met::RETRY | met::LATE_RETRY | met::THROTTLED | met::SIGN_IN | met::EXPIRED;

/// All that must hold.
pub(crate) const SCENES: [Scene; 5] = [
    Scene {
        name: "tabs",
        about: "three tabs of an honest device; the network loses, delays and copies; confirmations early, late or never",
        tabs: 3,
        copies: 2,
        meets: HONEST | met::ENDED,
        ..NOTHING
    },
    Scene {
        name: "thief",
        about: "an owner with two tabs on the same network, and a thief with his program or another, who uses the gate or not",
        tabs: 2,
        copies: 1,
        thief: true,
        meets: HONEST | met::REUSE | met::ENDED | met::FOUND_AT_GATE,
        ..NOTHING
    },
    Scene {
        name: "thief-no-receipts",
        about: "the same where nothing confirms and a window of 24 h is configured",
        tabs: 2,
        copies: 1,
        thief: true,
        receipts: false,
        meets: HONEST | met::REUSE | met::ENDED,
        ..NOTHING
    },
    Scene {
        name: "faults",
        about: "two honest tabs; crashes before and after each commit; logout, here or everywhere, racing refresh; the absolute lifetime and the sweep",
        tabs: 2,
        faults: true,
        logout: true,
        absolute: true,
        meets: HONEST | met::ENDED | met::UNAVAILABLE | met::SWEPT,
        ..NOTHING
    },
    Scene {
        name: "together",
        about: "a tab and a copying network, a thief, crashes and logout in one",
        copies: 1,
        thief: true,
        faults: true,
        logout: true,
        meets: HONEST | met::REUSE | met::ENDED | met::FOUND_AT_GATE | met::UNAVAILABLE,
        ..NOTHING
    },
];

/// What the promises rest on: with one of these assumptions dropped, a rule must break.
pub(crate) const GAPS: [Scene; 5] = [
    Scene {
        name: "slow-request",
        about: "a request arrives after the reuse interval, when another with the same token was answered and used",
        tabs: 2,
        transit: 3,
        ..NOTHING
    },
    Scene {
        name: "restless",
        about: "a tab refreshes a token at once that another has just received, while a third request with the parent is on its way",
        tabs: 2,
        copies: 1,
        calm: false,
        ..NOTHING
    },
    Scene {
        name: "use-before-store",
        about: "a device uses the access token and crashes before it stores the refresh token",
        uses_before_storing: true,
        ..NOTHING
    },
    Scene {
        name: "back-too-late",
        about: "an answer is lost and the device comes back after the lost-response window",
        never_too_late: true,
        ..NOTHING
    },
    Scene {
        name: "starved",
        about: "a silent thief uses up the late retries of his rotation",
        thief: true,
        unstarved: true,
        ..NOTHING
    },
];
