-- decision: may each question be answered with yes for each customer, and why. A view for the time of a block, not a table of the lake.
-- Grain: one row per customer asked about and question. Key: customer_key, question_number.
-- Reads: asked_customer (customer_key), asked_question (question_number, communication, channel, brand, locale; empty brand: the
-- communication's own, empty locale: any), declared_need (communication, need), law_locale (locale), exempt_type (locale,
-- communication_type), legitimate_interest (locale, channel, communication_type, only_purchasers), permission.consent_event,
-- permission.consent_party, permission.suppression, scv.golden_record, scv.customer_role, sources.dim_communication.
-- As of $at by what was done, and by $known_at of what was known: told to the company, or taken in ($by_taken).
-- A consent counts when it was given after every withdrawal that covers the question, whoever of the customer's parties withdrew, and
-- when no party's own withdrawal still stands. It stands until that party agrees anew, or the customer does after the parties were
-- known to be one. $merge most_recent makes all parties one.
-- event_order is the event's time in microseconds times 8, plus what it does: of two at one moment the larger prevails (0 request,
-- 1 grant, 4 end, 5 withdrawal, 6 complaint, 7 global opt-out).
WITH question AS (
    SELECT
        asked_question.question_number,
        asked_question.communication,
        asked_question.channel,
        coalesce(asked_question.brand, dim_communication.brand_code) AS brand,
        asked_question.locale,
        dim_communication.communication_type,
        declared_need.need AS declared_need,
        CASE
            WHEN declared_need.need = 'subscription' THEN 'subscription'
            WHEN declared_need.need IN ('permission', 'legitimate_interest') THEN 'general'
            ELSE dim_communication.communication_kind
        END AS consent_kind,
        dim_communication.communication_key IS NOT NULL AS is_known,
        coalesce(asked_question.brand = dim_communication.brand_code, TRUE)
        AND concat(',', dim_communication.channel_codes, ',') LIKE concat('%,', asked_question.channel, ',%')
        AND (
            asked_question.locale IS NULL
            OR dim_communication.locale_codes IS NULL
            OR concat(',', dim_communication.locale_codes, ',') LIKE concat('%,', asked_question.locale, ',%')
        ) AS is_offered
    FROM asked_question
    LEFT JOIN sources.dim_communication ON asked_question.communication = dim_communication.communication_code
    LEFT JOIN declared_need ON asked_question.communication = declared_need.communication
),

lawful AS (
    -- What a question needs where the customer lives, or in the locale that is asked about.
    SELECT
        question.question_number,
        law_locale.locale AS law_locale,
        coalesce(question.declared_need = 'nothing', exempt_type.communication_type IS NOT NULL) AS needs_nothing,
        legitimate_interest.channel IS NOT NULL OR coalesce(question.declared_need = 'legitimate_interest', FALSE) AS is_legitimate,
        coalesce(legitimate_interest.only_purchasers, FALSE) AS only_purchasers
    FROM question
    CROSS JOIN law_locale
    LEFT JOIN law_locale AS own_law ON question.locale = own_law.locale
    LEFT JOIN exempt_type
        ON question.communication_type = exempt_type.communication_type
        AND exempt_type.locale = CASE WHEN question.locale IS NULL THEN law_locale.locale ELSE coalesce(own_law.locale, 'default') END
    LEFT JOIN legitimate_interest
        ON question.communication_type = legitimate_interest.communication_type
        AND question.channel = legitimate_interest.channel
        AND legitimate_interest.locale = CASE WHEN question.locale IS NULL THEN law_locale.locale ELSE coalesce(own_law.locale, 'default') END
),

party AS (
    -- Numbers are told apart faster than names.
    SELECT
        consent_party.customer_key,
        consent_party.party,
        consent_party.current_customer_key,
        consent_party.joined_dt,
        CASE WHEN $merge = 'most_recent' THEN 0 ELSE row_number() OVER () END AS speaker
    FROM permission.consent_party
    INNER JOIN asked_customer ON consent_party.customer_key = asked_customer.customer_key
    WHERE coalesce(consent_party.from_dt <= $known_at, TRUE) AND coalesce(consent_party.until_dt > $known_at, TRUE)
),

joined AS (
    SELECT customer_key, max(epoch_us(joined_dt)) * 8 AS first_order FROM party GROUP BY customer_key
),

heard AS (
    SELECT
        party.customer_key,
        party.speaker,
        consent_event.scope,
        consent_event.event_order,
        least(consent_event.event_order % 8, 5) AS effect,
        coalesce(consent_event.expires_dt, TIMESTAMPTZ '9999-01-01') AS expires_dt
    FROM party
    INNER JOIN permission.consent_event
        ON party.current_customer_key = consent_event.customer_key AND party.party = consent_event.party
    WHERE consent_event.effective_dt <= $at
        AND CASE WHEN $by_taken THEN consent_event.taken_dt ELSE consent_event.known_dt END <= $known_at
),

latest AS (
    -- A consent anew to the same is given in place of the one before; of two at one moment the one that ends first counts.
    SELECT
        customer_key, speaker, scope, effect,
        max(event_order) AS event_order,
        arg_max(expires_dt, row(event_order, -epoch_us(expires_dt))) AS expires_dt
    FROM heard
    GROUP BY customer_key, speaker, scope, effect
),

scope AS (
    SELECT
        scope,
        split_part(scope, '/', 1) AS permission_kind,
        split_part(scope, '/', 2) AS communication,
        split_part(scope, '/', 3) AS communication_type,
        split_part(scope, '/', 4) AS channel,
        split_part(scope, '/', 5) AS brand,
        split_part(scope, '/', 6) AS locale
    FROM (SELECT DISTINCT scope FROM latest) AS scopes
),

covered AS (
    -- Which questions a scope covers: consent exactly the kind that is needed, a withdrawal all that it may mean.
    SELECT
        scope.scope,
        question.question_number,
        CASE
            WHEN scope.permission_kind = 'subscription'
                THEN question.consent_kind = 'subscription' AND scope.communication = question.communication
            ELSE scope.permission_kind = question.consent_kind AND scope.communication_type = question.communication_type
        END AS is_granted,
        scope.communication = question.communication
        OR (
            scope.communication = '*'
            AND scope.permission_kind IN ('*', question.consent_kind)
            AND scope.communication_type IN ('*', question.communication_type)
        ) AS is_withdrawn
    FROM scope
    INNER JOIN question
        ON scope.channel IN ('*', question.channel)
        AND scope.brand IN ('*', question.brand)
        AND (scope.locale = '*' OR question.locale IS NULL OR scope.locale = question.locale)
),

spoken AS (
    SELECT
        latest.customer_key,
        covered.question_number,
        latest.speaker,
        max(CASE WHEN latest.effect = 1 AND latest.expires_dt > $at THEN latest.event_order END) AS consent,
        max(CASE WHEN latest.effect = 1 THEN latest.event_order END) AS given,
        max(CASE WHEN latest.effect = 0 THEN latest.event_order END) AS requested,
        max(CASE WHEN latest.effect = 5 THEN latest.event_order END) AS withdrawn,
        max(CASE WHEN latest.effect = 4 THEN latest.event_order END) AS ended
    FROM latest
    INNER JOIN covered ON latest.scope = covered.scope
    WHERE CASE WHEN latest.effect <= 1 THEN covered.is_granted ELSE covered.is_withdrawn END
    GROUP BY latest.customer_key, covered.question_number, latest.speaker
),

summed AS (
    SELECT
        spoken.customer_key,
        spoken.question_number,
        max(CASE WHEN spoken.consent > coalesce(spoken.ended, 0) THEN spoken.consent END) AS consent,
        coalesce(max(spoken.given), 0) AS given,
        coalesce(max(spoken.requested), 0) AS requested,
        coalesce(max(spoken.withdrawn), 0) AS withdrawn,
        max(CASE WHEN spoken.withdrawn > coalesce(spoken.given, 0) THEN spoken.withdrawn END) AS standing,
        coalesce(max(CASE WHEN spoken.given >= joined.first_order THEN spoken.given END), 0) AS agreed_as_one
    FROM spoken
    INNER JOIN joined ON spoken.customer_key = joined.customer_key
    GROUP BY spoken.customer_key, spoken.question_number
),

consented AS (
    SELECT
        customer_key,
        question_number,
        CASE WHEN consent > withdrawn THEN consent END AS consent,
        given,
        requested,
        -- The withdrawal that forbids, if one does.
        CASE WHEN standing > agreed_as_one THEN standing END AS forbidding
    FROM summed
),

held AS (
    SELECT suppression.*, coalesce(party.customer_key, suppression.customer_key) AS held_customer_key
    FROM permission.suppression
    LEFT JOIN party ON suppression.party = party.party AND suppression.customer_key = party.current_customer_key
    WHERE (suppression.party IS NULL OR party.party IS NOT NULL)
        AND suppression.since_dt <= $at
        AND CASE WHEN $by_taken THEN suppression.taken_dt ELSE suppression.known_dt END <= $known_at
        AND coalesce(suppression.lifted_dt > $at, TRUE)
        AND coalesce(suppression.expires_dt > $at, TRUE)
),

suppressed AS (
    SELECT
        asked_customer.customer_key,
        question.question_number,
        -- Of several the one that spares least.
        min(CASE held.reason WHEN 'erased' THEN 1 WHEN 'invalid_address' THEN 2 WHEN 'customer_deleted' THEN 3 END) AS barred,
        max(CASE WHEN held.is_ended_by_consent THEN epoch_us(held.since_dt) * 8 + 7 END) AS complained,
        arg_min(
            held.suppression_id,
            CASE held.reason WHEN 'erased' THEN 1 WHEN 'invalid_address' THEN 2 WHEN 'customer_deleted' THEN 3 ELSE 4 END
        ) AS suppression_id
    FROM held
    INNER JOIN asked_customer ON held.held_customer_key = asked_customer.customer_key
    INNER JOIN question ON held.channel = question.channel
    GROUP BY asked_customer.customer_key, question.question_number
),

said AS (
    SELECT
        coalesce(consented.customer_key, suppressed.customer_key) AS customer_key,
        coalesce(consented.question_number, suppressed.question_number) AS question_number,
        consented.consent,
        consented.given,
        consented.requested,
        consented.forbidding,
        suppressed.barred,
        suppressed.complained,
        suppressed.suppression_id
    FROM consented
    FULL OUTER JOIN suppressed
        ON consented.customer_key = suppressed.customer_key AND consented.question_number = suppressed.question_number
),

customer AS (
    SELECT
        asked_customer.customer_key,
        golden_record.customer_key IS NOT NULL OR joined.customer_key IS NOT NULL AS is_known,
        coalesce(law_locale.locale, 'default') AS law_locale,
        coalesce(
            customer_role.since_dt <= $at AND coalesce(customer_role.until_dt > $at, TRUE), FALSE
        ) AS is_purchaser
    FROM asked_customer
    LEFT JOIN scv.golden_record ON asked_customer.customer_key = golden_record.customer_key
    LEFT JOIN joined ON asked_customer.customer_key = joined.customer_key
    LEFT JOIN law_locale ON golden_record.locale = law_locale.locale
    LEFT JOIN scv.customer_role
        ON asked_customer.customer_key = customer_role.customer_key AND customer_role.role = 'purchaser'
),

reasoned AS (
    SELECT
        customer.customer_key,
        question.question_number,
        CASE
            WHEN NOT question.is_known THEN 'unknown_communication'
            WHEN NOT question.is_offered THEN 'not_offered'
            WHEN NOT customer.is_known THEN 'unknown_customer'
            WHEN said.barred = 1 THEN 'erased'
            WHEN said.barred = 2 THEN 'invalid_address'
            WHEN lawful.needs_nothing THEN 'no_consent_needed'
            WHEN said.barred = 3 THEN 'customer_deleted'
            WHEN said.forbidding % 8 = 7 THEN 'globally_opted_out'
            WHEN said.forbidding % 8 = 6 THEN 'complained'
            WHEN said.forbidding IS NOT NULL AND said.requested > said.forbidding THEN 'awaiting_confirmation'
            WHEN said.forbidding IS NOT NULL THEN 'withdrawn'
            WHEN said.complained IS NOT NULL AND coalesce(said.consent <= said.complained, TRUE) THEN 'complained'
            WHEN said.consent IS NOT NULL AND question.consent_kind = 'subscription' THEN 'subscribed'
            WHEN said.consent IS NOT NULL THEN 'permitted'
            WHEN lawful.is_legitimate AND (customer.is_purchaser OR NOT lawful.only_purchasers) THEN 'legitimate_interest'
            WHEN said.requested > said.given THEN 'awaiting_confirmation'
            WHEN said.given > 0 THEN 'expired'
            ELSE 'no_consent'
        END AS reason_code,
        said.consent,
        said.given,
        said.requested,
        said.forbidding,
        said.suppression_id
    FROM customer
    CROSS JOIN question
    INNER JOIN lawful ON question.question_number = lawful.question_number AND customer.law_locale = lawful.law_locale
    LEFT JOIN said ON customer.customer_key = said.customer_key AND question.question_number = said.question_number
)

SELECT
    customer_key,
    question_number,
    reason_code IN ('subscribed', 'permitted', 'legitimate_interest', 'no_consent_needed') AS is_permitted,
    reason_code,
    CASE
        WHEN reason_code IN ('subscribed', 'permitted') THEN consent
        WHEN reason_code IN ('withdrawn', 'globally_opted_out', 'complained') THEN forbidding
        WHEN reason_code = 'awaiting_confirmation' THEN requested
        WHEN reason_code = 'expired' THEN given
    END AS event_order,
    CASE
        WHEN reason_code IN ('erased', 'customer_deleted', 'invalid_address') OR (reason_code = 'complained' AND forbidding IS NULL)
            THEN suppression_id
    END AS suppression_id
FROM reasoned
