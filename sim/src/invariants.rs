//! The promises that every run is held to: each is a sentence of a document, with its place.

/// One promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invariant {
    /// Its short name, which a failure shows.
    pub name: &'static str,
    /// The sentence of the document.
    pub says: &'static str,
    /// The document, with its section.
    pub place: &'static str,
}

macro_rules! invariants {
    ($($(#[doc = $doc:literal])* $id:ident = $name:literal, $place:literal, $says:literal;)*) => {
        $($(#[doc = $doc])* pub const $id: Invariant = Invariant { name: $name, says: $says, place: $place };)*
        /// All of them.
        pub const ALL: &[Invariant] = &[$($id,)*];
    };
}

invariants! {
    /// Honest devices keep their sessions.
    HONEST = "honest sessions end by rule alone", "docs/concepts/refresh-families.md#rules-for-clients",
        "If a refresh gets no answer, repeat it with the same token. You get the same successor, byte for byte.";
    /// One successor of each refresh token.
    SUCCESSOR = "one successor", "docs/concepts/refresh-families.md#rules-for-clients",
        "Any number of requests with one token get the same successor, if each arrives within the reuse interval (10 s) after the first was answered or after its access token was first used.";
    /// A replaced refresh token ends its family.
    REUSE = "a replaced token ends the family", "docs/concepts/refresh-families.md#compared-with-the-standards",
        "Row 8 does that for any older token, for as long as the family could have lived.";
    /// No rotation is granted after the windows.
    WINDOW = "no retry after its window", "docs/concepts/refresh-families.md#proof-of-receipt",
        "The lost-response window closes one reuse interval after it, not at once";
    /// A silent thief is found.
    LATE = "three late rotations end the family", "docs/concepts/refresh-families.md#the-rules",
        "if the last three rotations in a row each needed a late retry, the family ends with `sign_in_required` instead of rotating a fourth time.";
    /// An ended family stays ended.
    ENDED = "an ended family stays ended", "docs/concepts/refresh-families.md#the-states",
        "An ended family stays ended.";
    /// A code opens its grant.
    CODE = "an honest program's code is taken", "docs/decisions/0025-one-redemption-of-a-code.md",
        "The first redemption that shows everything (the code, the client, the `code_verifier`, and the `redirect_uri` and `resource` if they are there) opens the grant.";
    /// A code opens one grant.
    CODE_ONCE = "a code is redeemed once", "docs/decisions/0025-one-redemption-of-a-code.md",
        "So of 50 concurrent redemptions one gets tokens, and those end with the second.";
    /// A code that comes again.
    CODE_AGAIN = "a code that comes again ends its grant", "docs/decisions/0025-one-redemption-of-a-code.md",
        "Every later one that shows everything is `invalid_grant` and ends the grant, however soon it comes.";
    /// PKCE, and the client's secret.
    PKCE = "a code without its verifier opens nothing", "docs/decisions/0025-one-redemption-of-a-code.md",
        "A presentation that lacks something changes nothing.";
    /// Consent, and its end.
    CONSENT = "no code without consent", "docs/decisions/0026-grants-beside-sessions.md",
        "A user who ends a grant is asked again.";
    /// The bound of the feed.
    FEED = "revoked: refused by the feed within 90 s", "docs/concepts/revocation.md#how-soon-feed-refuses",
        "60 s plus `reread`, 90 s, is therefore the bound even while KV returns old values, garbage, or nothing.";
    /// Open sockets.
    SOCKET = "an open socket is closed in time", "docs/reference/routes.md#websockets",
        "After ten failed checks in a row, and after 24 hours in any case, it is closed with 1013 and the reason `session not checked`, and the client opens it again.";
    /// Open sockets whose token has expired.
    SOCKET_EXPIRY = "an open socket ends with its token", "docs/reference/routes.md#websockets",
        "closed when the access token that opened it expires (leeway included).";
    /// Sockets are closed for a cause.
    SOCKET_SOUND = "a sound socket stays open", "docs/reference/routes.md#websockets",
        "If a component does not answer or the feed is out of date, the check fails and the socket stays.";
    /// The bound of `strong`.
    STRONG = "revoked: refused at once where strong", "docs/concepts/revocation.md#when-something-fails",
        "refused within 90 s at `feed`, with the next request at `strong`.";
    /// The isolate that took an order.
    ORDERED = "the isolate that took an order obeys it", "docs/concepts/revocation.md#what-can-be-revoked",
        "The isolate that takes the order reads the feed's object right after: it refuses a revoked token or client with its next request at `feed` and `strong`";
    /// The bound of a revoked client.
    CLIENT = "a revoked client is judged by the sign-in", "docs/concepts/revocation.md#how-soon-feed-refuses",
        "A refresh keeps `auth_time`, so a refresh in an isolate that learns of it late gains nothing, at `feed` and at `strong`.";
    /// The bound of a revoked key.
    KEY = "a revoked key is refused everywhere", "docs/concepts/revocation.md#a-signing-key",
        "From then on the key is unknown at every level, `none` too.";
    /// The end of an access token.
    EXPIRY = "no token passes after its end", "docs/concepts/revocation.md#levels",
        "when the token expires, plus the leeway of 30 s";
    /// Tokens of ours are good while their key is.
    OWN = "no sound token of ours is refused", "docs/concepts/signing-keys.md#the-calendar",
        "A late alarm makes a state longer, never shorter.";
    /// Tokens of another issuer are good while their key is published.
    FOREIGN = "no sound token of another issuer is refused", "docs/concepts/verification.md#key-sets",
        "A good set survives failed fetches and documents without a usable key.";
    /// Keys that another issuer took down.
    WITHDRAWN = "a key that was taken down is refused", "docs/concepts/verification.md#key-sets",
        "it is refreshed before use.";
    /// Subjects of another issuer.
    FOREIGN_REVOKED = "a revoked subject of another issuer", "docs/concepts/revocation.md#how-soon-feed-refuses",
        "Tokens without it are judged by `iat`. The issuer's clock may be ahead, so its `leeway` is added.";
    /// How often key sets are fetched.
    FETCHES = "one fetch for the whole deployment", "docs/concepts/verification.md#key-sets",
        "Any number of tokens with made-up `kid`s or signatures costs an issuer one fetch every 30 s.";
    /// Calls that anybody may make.
    READY = "a flood does not reach the key ring", "docs/reference/metrics.md",
        "A result is reused for 5 s, so that a flood of calls does not reach the key ring";
    /// Answers of 5xx.
    AVAILABLE = "no 5xx without a fault", "docs/concepts/architecture.md#the-code",
        "every fault of ours is 503 with `Retry-After` and changes nothing.";
    /// What a 503 carries.
    RETRY_AFTER = "a 503 says when to try again", "docs/concepts/revocation.md#when-something-fails",
        "A 503 has `Retry-After` and the code `unavailable`.";
    /// Removed master secrets.
    REMOVED_MASTER = "a removed master is refused, not a fault", "docs/reference/configuration.md#the-master-key",
        "Data made under any other unknown id is of a removed secret: it is refused.";
    /// Limits of sign-ins.
    GUESSES = "five guesses, then locked", "docs/reference/limits.md#failures",
        "Against one account this leaves strangers five guesses, then one an hour: 24 a day, from any number of addresses.";
    /// The audit log.
    AUDIT = "the audit chain is whole", "docs/reference/admin-api.md#who-is-an-administrator",
        "a change is written to the audit log before it is made, and its result afterwards";
    /// What was revoked reaches the feed.
    OUTBOX = "what ended reaches the feed", "docs/concepts/revocation.md#how-the-feed-works",
        "A crash loses nothing: outbox and alarm are on disk.";
    /// How soon KV has what the feed's object took.
    WRITTEN = "KV has what the feed's object took", "docs/concepts/revocation.md#how-the-feed-works",
        "The `RevocationFeed` object stores the entries and writes all of them to KV as one value, at most once a second";
    /// What KV holds in the end.
    KV = "KV has the newest feed in the end", "docs/concepts/revocation.md#how-the-feed-works",
        "A write that was given up may arrive after the next one with older content, so the feed is written once more a minute after the next good write.";
    /// Everything goes on.
    HEALS = "everything heals", "docs/concepts/refresh-families.md#rules-for-clients",
        "`too_many_retries` (429) and `unavailable` (503) are temporary: wait for `Retry-After`.";
    /// What is kept is bounded.
    MEMORY = "what is kept is bounded", "docs/concepts/revocation.md#capacity",
        "An entry is removed within a minute after everything that it is about has expired.";
    /// No panic.
    PANIC = "no panic", "docs/concepts/architecture.md#peculiarities-of-the-platform",
        "A panic aborts the WASM instance and discards everything cached in the isolate, so no input may cause a panic.";
}
