"""The session's scenarios as a table: name, rule, and steps of what comes in and what must follow.

Unless a case says otherwise both sides have logged on with number 1 and expect 2 next.
Source: FIX 4.4 with Errata 20030618, Volume 2: the rules, and Appendix 2-A for which scenarios there must be; the
steps are our own.
"""

from fixing import (
    BEGAN_NS,
    LOGON_FIELDS,
    After,
    Case,
    Dup,
    Ends,
    Expects,
    Given,
    In,
    Leave,
    Out,
    Raw,
    Say,
)

from functions.wire.fix.actions import Role, Terms
from functions.wire.fix.values import timestamp_text

ACCEPTOR, INITIATOR = (Role.ACCEPTOR,), (Role.INITIATOR,)
SECOND = 1_000_000_000
LATE = timestamp_text(BEGAN_NS - 121 * SECOND)
EARLY = timestamp_text(BEGAN_NS + 121 * SECOND)
NEAR = timestamp_text(BEGAN_NS - 119 * SECOND)
RESET = {**LOGON_FIELDS, 141: "Y"}
ORDER = {11: "o-1", 55: "EUR/USD", 54: "1", 60: timestamp_text(BEGAN_NS), 40: "2", 38: "10", 44: "1.1"}
NEWS = {148: "headline"}
GAP = {123: "Y", 36: "5"}
ASK = {7: "1", 16: "0"}

LOGONS = (
    Case("logon", "A valid Logon is answered with one.", (Expects(2),)),
    Case(
        "logon-echoes-interval",
        "An acceptor takes the interval it is asked for.",
        (In("A", 1, {98: "0", 108: "7"}), Out("A", 1, {108: "7", 98: "0"}), After(7), Out("0", 2)),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-first",
        "An initiator sends its Logon first, with its interval.",
        (Out("A", 1, {108: "30", 98: "0", 141: None}),),
        INITIATOR,
        logged_on=False,
    ),
    Case(
        "logon-resets",
        "A Logon with ResetSeqNumFlag begins both numbers at 1 and is answered with the flag.",
        (In("A", 1, RESET), Out("A", 1, {141: "Y"}), Expects(2)),
        ACCEPTOR,
        numbers=(40, 70),
        logged_on=False,
    ),
    Case(
        "logon-asks-reset",
        "An initiator that resets begins at 1 and says so.",
        (Out("A", 1, {141: "Y"}), In("A", 1, RESET), Expects(2), Say("B", NEWS), Out("B", 2)),
        INITIATOR,
        Terms(reset_on_logon=True),
        (40, 70),
        logged_on=False,
    ),
    Case(
        "logon-peer-resets",
        "An acceptor that resets on its own answer starts both numbers anew.",
        (Out("A", 70), In("A", 1, RESET), Expects(2), Say("B", NEWS), Out("B", 2)),
        INITIATOR,
        numbers=(40, 70),
        logged_on=False,
    ),
    Case(
        "logon-reset-with-other-number",
        "ResetSeqNumFlag with a number other than 1 ends the connection.",
        (In("A", 2, RESET), Out("5", 1), Ends()),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-reset-within-session",
        "A Logon with ResetSeqNumFlag inside a session begins both numbers anew, without a break.",
        (In("0", 2), In("A", 1, RESET), Out("A", 1, {141: "Y"}), Expects(2), In("B", 2, NEWS), Given(2)),
    ),
    Case(
        "logon-twice",
        "A second Logon without a reset ends the session.",
        (In("A", 2, LOGON_FIELDS), Out("5", 2), Ends()),
    ),
    Case(
        "logon-too-high",
        "A Logon with too high a number is taken, and what is missing is asked for.",
        (In("A", 6, LOGON_FIELDS), Out("A", 1), Out("2", 2, {7: "1", 16: "0"}), Expects(1)),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-answer-too-high",
        "An answer with too high a number is taken, and what is missing is asked for.",
        (Out("A", 1), In("A", 6, LOGON_FIELDS), Out("2", 2, {7: "1", 16: "0"}), Expects(1)),
        INITIATOR,
        logged_on=False,
    ),
    Case(
        "logon-gap-then-fill",
        "The gap that a Logon showed is closed by a gap fill over the Logon itself.",
        (
            In("A", 6, LOGON_FIELDS),
            Out("A", 1),
            Out("2", 2),
            Dup("4", 1, {123: "Y", 36: "7"}),
            Expects(7),
            In("B", 7, NEWS),
            Given(7),
        ),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-too-low",
        "A Logon with too low a number is told so and ends the connection.",
        (In("A", 6, LOGON_FIELDS), Out("5", 1, {58: "MsgSeqNum too low, expecting 7 but received 6"}), Ends()),
        ACCEPTOR,
        numbers=(7, 1),
        logged_on=False,
    ),
    Case(
        "logon-answer-too-low",
        "An answer with too low a number is told so and ends the connection.",
        (Out("A", 1), In("A", 6, LOGON_FIELDS), Out("5", 2), Ends()),
        INITIATOR,
        numbers=(7, 1),
        logged_on=False,
    ),
    Case(
        "logon-wrong-sender",
        "A Logon from another CompID ends the connection without a word.",
        (In("A", 1, {**LOGON_FIELDS, 49: "OTHER"}), Ends(), Expects(1)),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-wrong-target",
        "A Logon to another CompID ends the connection without a word.",
        (In("A", 1, {**LOGON_FIELDS, 56: "OTHER"}), Ends(), Expects(1)),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-wrong-version",
        "A Logon of another version ends the connection without a word.",
        (In("A", 1, LOGON_FIELDS, "FIX.4.2"), Ends(), Expects(1)),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-clock-off",
        "A Logon whose SendingTime is off ends the connection.",
        (In("A", 1, {**LOGON_FIELDS, 52: LATE}), Out("5", 1), Ends()),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-without-interval",
        "A Logon without HeartBtInt ends the connection.",
        (In("A", 1, {98: "0"}), Out("5", 1), Ends()),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-negative-interval",
        "A Logon with a negative HeartBtInt ends the connection.",
        (In("A", 1, {98: "0", 108: "-1"}), Out("5", 1), Ends()),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-encrypted",
        "A Logon that asks for encryption ends the connection.",
        (In("A", 1, {98: "1", 108: "30"}), Out("5", 1), Ends()),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "logon-password",
        "A Logon with the right user name and password is taken.",
        (In("A", 1, {**LOGON_FIELDS, 553: "me", 554: "pass"}), Out("A", 1, {553: None, 554: None})),
        ACCEPTOR,
        Terms(username="me", password="pass"),  # noqa: S106 - made up
        logged_on=False,
    ),
    Case(
        "logon-wrong-password",
        "A Logon with a wrong password is told nothing.",
        (In("A", 1, {**LOGON_FIELDS, 553: "me", 554: "guess"}), Ends(), Expects(1)),
        ACCEPTOR,
        Terms(username="me", password="pass"),  # noqa: S106 - made up
        logged_on=False,
    ),
    Case(
        "logon-sends-password",
        "An initiator sends its user name and password.",
        (Out("A", 1, {553: "me", 554: "pass"}),),
        INITIATOR,
        Terms(username="me", password="pass"),  # noqa: S106 - made up
        logged_on=False,
    ),
    Case(
        "first-is-no-logon",
        "A first message that is no Logon ends the connection without a word.",
        (In("D", 1, ORDER), Ends(), Expects(1)),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "answer-is-no-logon",
        "An answer to a Logon that is none ends the connection.",
        (Out("A", 1), In("0", 1), Ends(), Expects(1)),
        INITIATOR,
        logged_on=False,
    ),
    Case(
        "logon-refused",
        "A Logout in answer to a Logon ends the connection.",
        (Out("A", 1), In("5", 1, {58: "closed today"}), Ends()),
        INITIATOR,
        logged_on=False,
    ),
    Case(
        "no-logon-comes",
        "Without a Logon the acceptor ends the connection in time.",
        (After(9.9), After(0.1), Ends()),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "no-answer-comes",
        "Without an answer the initiator ends the connection in time.",
        (Out("A", 1), After(9.9), After(0.1), Ends()),
        INITIATOR,
        logged_on=False,
    ),
    Case(
        "logon-garbled",
        "A garbled Logon is ignored, so a good one may follow.",
        (
            Raw("8=FIX.4.4|9={len}|35=A|49=THEM|56=US|34=1|52={now}|98=0|108=30|10=000|"),
            In("A", 1, LOGON_FIELDS),
            Out("A", 1),
        ),
        ACCEPTOR,
        logged_on=False,
    ),
)

HEADERS = (
    Case(
        "number-expected", "A message with the expected number is given on.", (In("D", 2, ORDER), Given(2), Expects(3))
    ),
    Case(
        "number-too-high",
        "A message with too high a number waits, and what is missing is asked for once.",
        (In("D", 4, ORDER), Out("2", 2, {7: "2", 16: "0"}), In("D", 5, ORDER), In("0", 6), Expects(2)),
    ),
    Case(
        "number-too-low",
        "A message with too low a number that is no possible duplicate ends the session.",
        (In("B", 2, NEWS), Given(2), In("B", 2, NEWS), Out("5", 2), Ends()),
    ),
    Case(
        "number-missing",
        "A message without MsgSeqNum ends the session.",
        (In("B", 2, {**NEWS, 34: None}), Out("5", 2), Ends(), Expects(2)),
    ),
    Case(
        "number-is-no-number",
        "A MsgSeqNum that is no number ends the session.",
        (In("B", 2, {**NEWS, 34: "two"}), Out("5", 2), Ends(), Expects(2)),
    ),
    Case(
        "version-changes",
        "Another BeginString inside a session ends it.",
        (In("B", 2, NEWS, "FIX.4.2"), Out("5", 2), Ends(), Expects(2)),
    ),
    Case(
        "sender-changes",
        "Another SenderCompID is rejected and ends the session; its number counts.",
        (
            In("B", 2, {**NEWS, 49: "OTHER"}),
            Given(2, refused=True),
            Out("3", 2, {45: "2", 371: "49", 373: "9"}),
            Out("5", 3),
            Ends(),
            Expects(3),
        ),
    ),
    Case(
        "target-changes",
        "Another TargetCompID is rejected and ends the session; its number counts.",
        (In("0", 2, {56: "OTHER"}), Out("3", 2, {371: "56", 373: "9"}), Out("5", 3), Ends(), Expects(3)),
    ),
    Case(
        "clock-late",
        "A SendingTime more than two minutes old is rejected and ends the session.",
        (In("0", 2, {52: LATE}), Out("3", 2, {371: "52", 373: "10"}), Out("5", 3), Ends()),
    ),
    Case(
        "clock-early",
        "A SendingTime more than two minutes ahead is rejected and ends the session.",
        (In("0", 2, {52: EARLY}), Out("3", 2, {371: "52", 373: "10"}), Out("5", 3), Ends()),
    ),
    Case("clock-near", "A SendingTime less than two minutes off passes.", (In("0", 2, {52: NEAR}), Expects(3))),
    Case(
        "time-missing",
        "A message without SendingTime is rejected; its number counts.",
        (In("0", 2, {52: None}), Out("3", 2, {45: "2", 371: "52", 373: "1"}), Expects(3)),
    ),
    Case(
        "time-malformed",
        "A SendingTime that is no time is rejected.",
        (In("0", 2, {52: "yesterday"}), Out("3", 2, {371: "52", 373: "6"}), Expects(3)),
    ),
)

DUPLICATES = (
    Case(
        "dup-of-seen",
        "A possible duplicate of what was taken is ignored.",
        (In("D", 2, ORDER), Given(2), Dup("D", 2, ORDER), Expects(3), In("D", 3, ORDER), Given(3)),
    ),
    Case("dup-of-missed", "A possible duplicate of what was missed is given on.", (Dup("D", 2, ORDER), Given(2))),
    Case(
        "dup-without-original",
        "A possible duplicate without OrigSendingTime is rejected.",
        (Dup("0", 2, {122: None}), Out("3", 2, {371: "122", 373: "1"}), Expects(3)),
    ),
    Case(
        "dup-low-without-original",
        "A possible duplicate of what was taken, without OrigSendingTime, is rejected; no number moves.",
        (In("0", 2), Dup("0", 2, {122: None}), Out("3", 2, {45: "2", 371: "122", 373: "1"}), Expects(3)),
    ),
    Case(
        "dup-from-the-future",
        "OrigSendingTime after SendingTime is rejected and ends the session.",
        (Dup("0", 2, {122: EARLY}), Out("3", 2, {371: "122", 373: "10"}), Out("5", 3), Ends()),
    ),
    Case(
        "dup-low-from-the-future",
        "OrigSendingTime after SendingTime ends the session also where the number is old.",
        (In("0", 2), Dup("0", 2, {122: EARLY}), Out("3", 2, {373: "10"}), Out("5", 3), Ends()),
    ),
    Case(
        "resend-flag",
        "PossResend is a new number: it is given on, whatever its content.",
        (In("D", 2, ORDER), Given(2), In("D", 3, {**ORDER, 97: "Y"}), Given(3)),
    ),
)

GAPS = (
    Case(
        "gap-closed",
        "What was asked for comes, then what waited behind it is given on, in order.",
        (
            In("D", 4, ORDER),
            Out("2", 2, {7: "2", 16: "0"}),
            Dup("D", 2, ORDER),
            Given(2),
            Dup("D", 3, ORDER),
            Given(3),
            Given(4),
            Dup("D", 4, ORDER),
            Expects(5),
        ),
    ),
    Case(
        "gap-within-gap",
        "A second gap is asked for once the first one is closed.",
        (
            In("D", 3, ORDER),
            Out("2", 2),
            Dup("D", 2, ORDER),
            Given(2),
            Given(3),
            In("D", 6, ORDER),
            Out("2", 3, {7: "4", 16: "0"}),
        ),
    ),
    Case(
        "gap-not-answered",
        "What was asked for in vain is asked for again after a time.",
        (In("D", 4, ORDER), Out("2", 2), After(10), Out("2", 3, {7: "2", 16: "0"})),
    ),
    Case(
        "gap-bounded",
        "No more than so many messages wait; the others come with the resend.",
        (
            In("D", 3, ORDER),
            Out("2", 2),
            In("D", 4, ORDER),
            Dup("D", 2, ORDER),
            Given(2),
            Given(3),
            Expects(4),
            Dup("D", 3, ORDER),
            Dup("D", 4, ORDER),
            Given(4),
        ),
        terms=Terms(queued_max=1),
    ),
    Case("fill", "A gap fill moves the expected number.", (In("4", 2, GAP), Expects(5), In("D", 5, ORDER), Given(5))),
    Case("fill-dup", "A gap fill that is sent again moves it too.", (Dup("4", 2, GAP), Expects(5))),
    Case(
        "fill-dup-without-original",
        "A gap fill has no original, so none is asked for.",
        (Dup("4", 2, {**GAP, 122: None}), Expects(5)),
    ),
    Case(
        "fill-too-high",
        "A gap fill with too high a number waits until its turn comes.",
        (In("4", 3, GAP), Out("2", 2, {7: "2"}), Expects(2), Dup("D", 2, ORDER), Given(2), Expects(5)),
    ),
    Case(
        "fill-too-low",
        "A gap fill with too low a number ends the session.",
        (In("0", 2), In("4", 2, GAP), Out("5", 2), Ends()),
    ),
    Case(
        "fill-too-low-dup",
        "A possible duplicate of an old gap fill is ignored.",
        (In("0", 2), Dup("4", 2, GAP), Expects(3)),
    ),
    Case(
        "fill-backwards",
        "A gap fill to its own number or below is rejected.",
        (In("4", 2, {123: "Y", 36: "2"}), Out("3", 2, {45: "2", 371: "36", 373: "5"}), Expects(3)),
    ),
    Case(
        "fill-drops-waiting",
        "A gap fill over a message that waits drops it: the other side says it is not to be had.",
        (In("D", 4, ORDER), Out("2", 2), Dup("4", 2, {123: "Y", 36: "6"}), Expects(6)),
    ),
    Case("reset", "A reset moves the expected number whatever its own is.", (In("4", 77, {36: "50"}), Expects(50))),
    Case("reset-flag-n", "GapFillFlag N is a reset.", (In("4", 1, {123: "N", 36: "50"}), Expects(50))),
    Case("reset-to-same", "A reset to the expected number changes nothing.", (In("4", 9, {36: "2"}), Expects(2))),
    Case(
        "reset-backwards",
        "A reset below the expected number is rejected; no number moves.",
        (In("4", 2, {36: "1"}), Out("3", 2, {371: "36", 373: "5"}), Expects(2)),
    ),
    Case(
        "reset-without-number",
        "A reset without NewSeqNo is rejected; no number moves.",
        (In("4", 2), Out("3", 2, {371: "36", 373: "1"}), Expects(2)),
    ),
)

RESENDS = (
    Case(
        "resend-admin",
        "Messages of the session are covered by one gap fill.",
        (In("1", 2, {112: "t"}), Out("0", 2), In("2", 3, ASK), Out("4", 1, {123: "Y", 36: "3", 43: "Y"}), Expects(4)),
    ),
    Case(
        "resend-application",
        "Application messages are sent again under their numbers, with the time of the first sending.",
        (
            Say("B", NEWS),
            Out("B", 2, {43: None, 122: None}),
            After(1),
            In("2", 2, {7: "2", 16: "0"}),
            Out(
                "B", 2, {43: "Y", 122: timestamp_text(BEGAN_NS), 52: timestamp_text(BEGAN_NS + SECOND), 148: "headline"}
            ),
        ),
    ),
    Case(
        "resend-mixed",
        "Runs of session messages between application messages are a gap fill each.",
        (
            Say("B", NEWS),
            Out("B", 2),
            In("1", 2, {112: "t"}),
            Out("0", 3),
            Say("B", NEWS),
            Out("B", 4),
            In("2", 3, ASK),
            Out("4", 1, {36: "2"}),
            Out("B", 2, {43: "Y"}),
            Out("4", 3, {36: "4"}),
            Out("B", 4, {43: "Y"}),
        ),
    ),
    Case(
        "resend-part",
        "Only what is asked for is sent again.",
        (
            *(step for number in (2, 3, 4) for step in (Say("B", NEWS), Out("B", number))),
            In("2", 2, {7: "3", 16: "3"}),
            Out("B", 3, {43: "Y"}),
        ),
    ),
    Case(
        "resend-infinity-999999",
        "EndSeqNo 999999 asks for everything, as it did before FIX 4.3.",
        (Say("B", NEWS), Out("B", 2), In("2", 2, {7: "2", 16: "999999"}), Out("B", 2, {43: "Y"})),
    ),
    Case(
        "resend-beyond-the-last",
        "EndSeqNo beyond the last number asks for everything.",
        (Say("B", NEWS), Out("B", 2), In("2", 2, {7: "2", 16: "900"}), Out("B", 2, {43: "Y"})),
    ),
    Case(
        "resend-nothing",
        "A request for what was never sent is rejected.",
        (In("2", 2, {7: "9", 16: "0"}), Out("3", 2, {45: "2", 371: "7", 373: "5"}), Expects(3)),
    ),
    Case(
        "resend-backwards",
        "A request whose end lies before its beginning is rejected.",
        (Say("B", NEWS), Out("B", 2), In("2", 2, {7: "2", 16: "1"}), Out("3", 3, {373: "5"})),
    ),
    Case(
        "resend-behind-gap",
        "A request with too high a number is answered first, then what is missing is asked for.",
        (Say("B", NEWS), Out("B", 2), In("2", 5, {7: "2", 16: "0"}), Out("B", 2, {43: "Y"}), Out("2", 3, {7: "2"})),
    ),
    Case(
        "resend-forgotten",
        "What is no longer kept is covered by a gap fill.",
        (
            *(step for number in (2, 3) for step in (Say("B", NEWS), Out("B", number))),
            In("2", 2, {7: "2", 16: "0"}),
            Out("4", 2, {123: "Y", 36: "3"}),
            Out("B", 3, {43: "Y"}),
        ),
        terms=Terms(sent_max=1),
    ),
    Case(
        "resend-again",
        "The same request twice is answered twice.",
        (
            Say("B", NEWS),
            Out("B", 2),
            In("2", 2, {7: "2", 16: "2"}),
            Out("B", 2, {43: "Y"}),
            In("2", 3, {7: "2", 16: "2"}),
            Out("B", 2, {43: "Y"}),
        ),
    ),
)

LIFE = (
    Case(
        "heartbeat-sent", "A heartbeat goes out after the interval without any other message.", (After(30), Out("0", 2))
    ),
    Case(
        "heartbeat-put-off",
        "Any message sent puts the heartbeat off.",
        (After(20), Say("B", NEWS), Out("B", 2), After(10), In("0", 2), After(20), Out("0", 3)),
    ),
    Case(
        "heartbeat-off",
        "With an interval of 0 there is neither heartbeat nor test.",
        (In("A", 1, {98: "0", 108: "0"}), Out("A", 1), After(100_000)),
        ACCEPTOR,
        logged_on=False,
    ),
    Case(
        "test-answered",
        "A TestRequest is answered with its id.",
        (In("1", 2, {112: "are you there"}), Out("0", 2, {112: "are you there"}), Expects(3)),
    ),
    Case(
        "test-without-id",
        "A TestRequest without an id is rejected.",
        (In("1", 2), Out("3", 2, {371: "112", 373: "1"}), Expects(3)),
    ),
    Case(
        "test-sent",
        "After silence the other side is tested; its answer keeps the session.",
        (
            After(30),
            Out("0", 2),
            After(6),
            Out("1", 3, {112: "test-1"}),
            In("0", 2, {112: "test-1"}),
            After(30),
            Out("0", 4),
            After(6),
            Out("1", 5, {112: "test-2"}),
        ),
    ),
    Case(
        "test-not-answered",
        "A test without an answer ends the connection.",
        (After(36), Out("1", 2), After(30), Out("0", 3), After(6), Ends()),
    ),
    Case(
        "garbled-is-no-life",
        "Garbled messages do not count as life.",
        (After(36), Out("1", 2), After(30), Out("0", 3), Raw("8=FIX.4.4|9=5|35=0|10=000|"), After(6), Ends()),
    ),
)

GARBLED = (
    Case(
        "garbled-checksum",
        "A message with a wrong CheckSum is ignored, and is missed with the next one.",
        (Raw("8=FIX.4.4|9={len}|35=0|49=THEM|56=US|34=2|52={now}|10=000|"), In("0", 3), Out("2", 2, {7: "2"})),
    ),
    Case(
        "garbled-length-too-short",
        "A message whose BodyLength is too short is ignored.",
        (Raw("8=FIX.4.4|9=5|35=0|49=THEM|56=US|34=2|52={now}|10={sum}|"), In("0", 2), Expects(3)),
    ),
    Case(
        "garbled-length-is-no-number",
        "A message whose BodyLength is no number is ignored.",
        (Raw("8=FIX.4.4|9=ab|35=0|49=THEM|56=US|34=2|52={now}|10={sum}|"), In("0", 2), Expects(3)),
    ),
    Case(
        "garbled-order",
        "A message whose third field is not MsgType is ignored.",
        (Raw("8=FIX.4.4|9={len}|34=2|35=0|10={sum}|"), In("0", 2), Expects(3)),
    ),
    Case("garbled-noise", "Bytes that are no message are skipped.", (Raw("noise|12=3|"), In("0", 2), Expects(3))),
)

REJECTS = (
    Case(
        "tag-missing",
        "A message without a required tag is rejected; its number counts.",
        (
            In("D", 2, {**ORDER, 11: None}),
            Given(2, refused=True),
            Out("3", 2, {45: "2", 371: "11", 372: "D", 373: "1"}),
            Expects(3),
        ),
    ),
    Case(
        "value-malformed",
        "A value of the wrong type is rejected.",
        (In("D", 2, {**ORDER, 38: "ten"}), Given(2, refused=True), Out("3", 2, {371: "38", 373: "6"})),
    ),
    Case(
        "value-out-of-range",
        "A value that the field cannot have is rejected.",
        (In("D", 2, {**ORDER, 54: "Z"}), Given(2, refused=True), Out("3", 2, {371: "54", 373: "5"})),
    ),
    Case(
        "value-empty",
        "A tag without a value is rejected.",
        (
            Raw("8=FIX.4.4|9={len}|35=0|49=THEM|56=US|34=2|52={now}|112=|10={sum}|"),
            Out("3", 2, {371: "112", 373: "4"}),
            Expects(3),
        ),
    ),
    Case(
        "tag-is-no-number",
        "A tag that is no number is rejected.",
        (Raw("8=FIX.4.4|9={len}|35=0|49=THEM|56=US|34=2|52={now}|x1=2|10={sum}|"), Out("3", 2, {373: "0"}), Expects(3)),
    ),
    Case(
        "type-unknown",
        "A MsgType that FIX 4.4 does not have is rejected.",
        (In("zz", 2), Given(2, refused=True), Out("3", 2, {45: "2", 372: "zz", 373: "11"}), Expects(3)),
    ),
    Case(
        "type-not-taken",
        "A MsgType that FIX 4.4 has and we do not take is refused as business.",
        (In("h", 2), Given(2, refused=True), Out("j", 2, {45: "2", 372: "h", 380: "3"}), Expects(3)),
        terms=Terms(accepts=frozenset("D8")),
    ),
    Case("type-of-our-own", "A MsgType that the two sides agreed on is given on.", (In("U7", 2), Given(2))),
    Case(
        "reject-received",
        "A Reject is taken and given on, never answered.",
        (In("3", 2, {45: "1", 373: "5", 58: "no"}), Given(2), Expects(3)),
    ),
    Case("reject-malformed", "Not even a malformed Reject is rejected.", (In("3", 2), Given(2), Expects(3))),
    Case(
        "rejected-behind-gap",
        "A malformed message behind a gap is rejected when its turn comes.",
        (
            In("D", 3, {**ORDER, 11: None}),
            Out("2", 2),
            Dup("D", 2, ORDER),
            Given(2),
            Given(3, refused=True),
            Out("3", 3, {45: "3", 371: "11"}),
            Expects(4),
        ),
    ),
)

LOGOUTS = (
    Case(
        "logout-asked",
        "A Logout is answered; who asked ends the connection, or we do after a time.",
        (In("5", 2), Out("5", 2), Expects(3), After(10), Ends()),
    ),
    Case(
        "logout-ours", "Our Logout ends with the answer to it.", (Leave(), Out("5", 2), In("5", 2), Ends(), Expects(3))
    ),
    Case(
        "logout-not-answered", "Our Logout ends without an answer in time.", (Leave(), Out("5", 2), After(10), Ends())
    ),
    Case(
        "logout-still-listens",
        "Between our Logout and its answer messages are taken and requests answered.",
        (
            Say("B", NEWS),
            Out("B", 2),
            Leave(),
            Out("5", 3),
            In("D", 2, ORDER),
            Given(2),
            In("2", 3, {7: "2", 16: "2"}),
            Out("B", 2, {43: "Y"}),
            In("5", 4),
            Ends(),
        ),
    ),
    Case(
        "logout-behind-gap",
        "A Logout with too high a number is answered; what is missing comes with the next Logon.",
        (In("5", 6), Out("5", 2), Expects(2), After(10), Ends()),
    ),
    Case("logout-twice", "A second Logout ends the connection.", (In("5", 2), Out("5", 2), In("5", 3), Ends())),
)

CASES = (*LOGONS, *HEADERS, *DUPLICATES, *GAPS, *RESENDS, *LIFE, *GARBLED, *REJECTS, *LOGOUTS)
