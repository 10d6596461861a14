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
    late_race: false,
    uses_before_storing: false,
    meets: 0,
};

/// What any honest device meets.
const HONEST: u32 = met::ROTATE | met::RETRY | met::LATE_RETRY | met::THROTTLED | met::SIGN_IN | met::EXPIRED;

/// All that must hold.
pub(crate) const SCENES: [Scene; 4] = [
    Scene {
        name: "tabs",
        about: "two tabs of one honest device; the network loses, delays and copies; confirmations early, late or never",
        tabs: 2,
        copies: 1,
        meets: HONEST | met::ENDED,
        ..NOTHING
    },
    Scene {
        name: "thief",
        about: "an owner on a network that loses answers, and a thief with the owner's program or another, who uses the gate or not",
        thief: true,
        meets: HONEST | met::REUSE | met::ENDED | met::FOUND_AT_GATE,
        ..NOTHING
    },
    Scene {
        name: "thief-no-receipts",
        about: "the same where nothing confirms and a window of 24 h is configured",
        thief: true,
        receipts: false,
        meets: HONEST | met::REUSE | met::ENDED,
        ..NOTHING
    },
    Scene {
        name: "faults",
        about: "a tab; crashes before and after each commit; logout, here or everywhere, racing refresh; the absolute lifetime and the sweep",
        faults: true,
        logout: true,
        absolute: true,
        meets: HONEST | met::ENDED | met::UNAVAILABLE | met::SWEPT,
        ..NOTHING
    },
];

/// What the promises rest on: with one of these assumptions dropped, a rule must break.
pub(crate) const GAPS: [Scene; 4] = [
    Scene {
        name: "late-race",
        about: "two tabs retry after a lost answer, later than the reuse interval, and the gate confirms between them",
        tabs: 2,
        late_race: true,
        ..NOTHING
    },
    Scene {
        name: "restless",
        about: "a tab refreshes a token at once that another tab has just received, while a third request with the parent is on its way",
        tabs: 2,
        copies: 1,
        calm: false,
        ..NOTHING
    },
    Scene {
        name: "slow-request",
        about: "a request takes longer than the reuse interval",
        tabs: 2,
        transit: 3,
        ..NOTHING
    },
    Scene {
        name: "use-before-store",
        about: "a device uses the access token and crashes before it stores the refresh token",
        uses_before_storing: true,
        ..NOTHING
    },
];
