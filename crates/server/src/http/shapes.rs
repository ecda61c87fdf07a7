//! The shapes of bodies for the OpenAPI document.

/// One shape: its name and its fields with their kinds; a trailing `?` marks one that may be missing or null.
pub type Shape = (&'static str, &'static [(&'static str, &'static str)]);

/// Every body named in the table. A test compares them with what the protocol's types serialise to.
pub const SHAPES: &[Shape] = &[
    (
        "Problem",
        &[
            ("code", "string"),
            ("message", "string"),
            ("field", "string?"),
            ("retryable", "boolean"),
            ("params", "object?"),
        ],
    ),
    (
        "EnrolRequest",
        &[
            ("code", "string"),
            ("device", "uuid"),
            ("public_key", "string"),
            ("label", "string"),
            ("proof", "string"),
        ],
    ),
    (
        "EnrolReply",
        &[
            ("status", "string"),
            ("office", "string"),
            ("office_name", "string"),
            ("device_code", "string"),
            ("recovery_key", "string?"),
            ("server_key", "string?"),
        ],
    ),
    (
        "SignInRequest",
        &[
            ("device", "uuid"),
            ("login", "string"),
            ("password", "string"),
            ("totp", "string?"),
            ("at", "integer"),
            ("proof", "string"),
        ],
    ),
    (
        "InvitedRequest",
        &[
            ("device", "uuid"),
            ("code", "string"),
            ("password", "string"),
            ("totp", "string?"),
            ("at", "integer"),
            ("proof", "string"),
        ],
    ),
    (
        "OidcBegin",
        &[
            ("device", "uuid"),
            ("port", "integer"),
            ("challenge", "string"),
            ("at", "integer"),
            ("proof", "string"),
        ],
    ),
    (
        "OidcBegun",
        &[
            ("address", "string"),
            ("state", "string"),
            ("expires_at", "integer"),
        ],
    ),
    (
        "OidcFinish",
        &[
            ("device", "uuid"),
            ("state", "string"),
            ("code", "string"),
            ("verifier", "string"),
            ("invitation", "string?"),
            ("totp", "string?"),
            ("at", "integer"),
            ("proof", "string"),
        ],
    ),
    (
        "RefreshRequest",
        &[
            ("device", "uuid"),
            ("refresh_token", "string"),
            ("at", "integer"),
            ("proof", "string"),
        ],
    ),
    (
        "SessionReply",
        &[
            ("access_token", "string"),
            ("access_expires_at", "integer"),
            ("refresh_token", "string"),
            ("user", "object"),
        ],
    ),
    (
        "WipedRequest",
        &[
            ("device", "string"),
            ("nonce", "string"),
            ("proof", "string"),
        ],
    ),
    ("WipedReply", &[("confirmed_at", "integer")]),
    (
        "HelloRequest",
        &[("device", "uuid"), ("app_version", "string")],
    ),
    (
        "HelloReply",
        &[
            ("server_version", "string"),
            ("protocol", "integer"),
            ("oldest_protocol", "integer"),
            ("limits", "object"),
            ("heads", "array"),
            ("backup_safe_seq", "object"),
            ("scopes", "array"),
            ("policy", "string"),
            ("policy_version", "integer"),
            ("policy_signature", "string?"),
            ("bundle_recipients", "array"),
            ("bundle_signer", "string?"),
            ("wipe", "object?"),
            ("hears_calls", "boolean"),
        ],
    ),
    (
        "PushRequest",
        &[
            ("device", "uuid"),
            ("incarnation", "uuid"),
            ("first_seq", "integer"),
            ("ops", "array"),
            ("signature", "string"),
        ],
    ),
    ("PushReply", &[("head", "object"), ("outcomes", "array")]),
    (
        "PullReply",
        &[
            ("scope", "string"),
            ("cursor", "integer"),
            ("more", "boolean"),
            ("changes", "array"),
        ],
    ),
    (
        "SnapshotReply",
        &[
            ("scope", "string"),
            ("position", "integer"),
            ("next", "string?"),
            ("changes", "array"),
        ],
    ),
    (
        "DigestRequest",
        &[
            ("scope", "string"),
            ("cursor", "integer"),
            ("shape", "integer"),
            ("ask", "object"),
        ],
    ),
    (
        "DigestReply",
        &[
            ("scope", "string"),
            ("position", "integer"),
            ("compared", "boolean"),
            ("same", "boolean"),
            ("differing", "array"),
            ("changes", "array"),
            ("next", "object?"),
        ],
    ),
    (
        "OfferRequest",
        &[
            ("document", "uuid"),
            ("case", "uuid"),
            ("kind", "string"),
            ("manifest", "object"),
        ],
    ),
    ("OfferReply", &[("stored", "boolean"), ("have", "array")]),
    ("ChunkReply", &[("stored", "boolean")]),
    ("CodeSendRequest", &[("case", "uuid"), ("serial", "string")]),
    (
        "CodeSendReply",
        &[
            ("phone", "string"),
            ("expires_at", "integer"),
            ("sends_left", "integer"),
        ],
    ),
    (
        "CodeVerifyRequest",
        &[("case", "uuid"), ("serial", "string"), ("code", "string")],
    ),
    (
        "CodeVerifyReply",
        &[("right", "boolean"), ("tries_left", "integer")],
    ),
    ("LinkMakeRequest", &[("case", "string"), ("way", "string")]),
    ("LinkCaseRequest", &[("case", "string")]),
    (
        "LinksReply",
        &[
            ("made", "object?"),
            ("active", "array"),
            ("arriving", "array"),
            ("query_code", "string"),
            ("links_left", "integer"),
            ("texts_left", "integer"),
        ],
    ),
    (
        "GuestCase",
        &[
            ("case_no", "string"),
            ("open", "boolean"),
            ("expires_at", "integer"),
            ("items", "array"),
            ("others", "array"),
            ("file_bytes", "integer"),
            ("chunk_bytes", "integer"),
            ("files_left", "integer"),
        ],
    ),
    (
        "UploadBegin",
        &[
            ("kind", "string"),
            ("size_bytes", "integer"),
            ("file", "string"),
        ],
    ),
    (
        "UploadState",
        &[
            ("upload", "string"),
            ("chunk_bytes", "integer"),
            ("have", "array"),
            ("kept", "boolean"),
            ("hints", "array"),
        ],
    ),
    (
        "ProgressRequest",
        &[("case_no", "string"), ("code", "string")],
    ),
    ("StopRequest", &[("token", "string")]),
    (
        "StopReply",
        &[
            ("state", "string"),
            ("heard", "boolean"),
            ("case_tail", "string"),
            ("terminal_tail", "string"),
            ("execute_after", "integer"),
        ],
    ),
    (
        "ProgressReply",
        &[
            ("case_no", "string"),
            ("stage", "string"),
            ("since", "integer"),
            ("promise_date", "string?"),
            ("missing", "array"),
        ],
    ),
    // An array in each provider's own shape; the plain one is described in the operator's guide.
    ("Receipts", &[]),
    (
        "ExecutionAnswer",
        &[
            ("key", "uuid"),
            ("status", "string"),
            ("reference", "string?"),
            ("evidence", "string?"),
            ("reason", "string?"),
            ("terminals", "array"),
        ],
    ),
    ("ExecutionTaken", &[("news", "boolean")]),
    // In the telephone system's own words, as a form or as JSON; described in the operator's guide.
    ("CallEvent", &[]),
    ("CallsReply", &[("position", "integer"), ("calls", "array")]),
    ("Alive", &[("alive", "boolean")]),
    ("Ready", &[("ready", "boolean")]),
    (
        "Version",
        &[
            ("server_version", "string"),
            ("protocol", "integer"),
            ("oldest_protocol", "integer"),
        ],
    ),
    (
        "AdminOverview",
        &[
            ("offices", "array"),
            ("second_factor", "boolean"),
            ("two_admins", "boolean"),
            ("policy", "object"),
        ],
    ),
    ("ApprovePolicy", &[("version", "integer")]),
    (
        "PutOffice",
        &[
            ("code", "string"),
            ("name", "string"),
            ("parent", "string?"),
        ],
    ),
    ("AdminPeople", &[("people", "array"), ("more", "boolean")]),
    (
        "InvitePerson",
        &[
            ("login", "string"),
            ("name", "string"),
            ("roles", "array"),
            ("employer", "string"),
            ("offices", "array"),
            ("office", "string?"),
        ],
    ),
    (
        "PersonAct",
        &[
            ("do", "string"),
            ("roles", "array?"),
            ("employer", "string?"),
            ("offices", "array?"),
            ("office", "string?"),
        ],
    ),
    (
        "PersonDone",
        &[
            ("person", "object"),
            ("code", "object?"),
            ("factor", "object?"),
            ("desks", "array"),
        ],
    ),
    ("AdminDesks", &[("desks", "array"), ("more", "boolean")]),
    ("NewDesk", &[("office", "string")]),
    (
        "IssuedCode",
        &[
            ("code", "string"),
            ("office", "string"),
            ("expires_at", "integer"),
        ],
    ),
    (
        "DeskAct",
        &[("do", "string"), ("reason", "string?"), ("pace", "string?")],
    ),
    (
        "AdminDesk",
        &[
            ("device", "uuid"),
            ("office", "string"),
            ("device_code", "string"),
            ("label", "string"),
            ("status", "string"),
            ("enrolled_at", "integer"),
            ("fingerprint", "string"),
            ("approve_barred", "string?"),
            ("wipe", "string"),
            ("acts", "array"),
            ("events", "array"),
        ],
    ),
    ("AdminLog", &[("lines", "array"), ("more", "boolean")]),
];
