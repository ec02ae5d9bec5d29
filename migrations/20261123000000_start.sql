-- Everything anyone did or was refused. Rows are added and completed once, never taken away.
create table audit (
    sequence bigint primary key not null,
    at text not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    session text,
    action text not null,
    environment text not null,
    namespace text not null,
    rollout text not null,
    sentence text not null,
    reason text,
    rule text not null,
    before text,
    after text,
    outcome text check (outcome in ('done', 'refused', 'failed', 'unknown')),
    detail text,
    completed_at text,
    request_address text,
    check ((outcome is null) = (completed_at is null))
);
create index audit_of_rollout on audit (environment, namespace, rollout, sequence);
create index audit_unfinished on audit (sequence) where outcome is null;

-- `insert or replace` deletes without asking the delete trigger; asking for the next number here
-- closes that door and keeps the sequence without gaps.
create trigger audit_counts_on before insert on audit
when new.sequence is not (select coalesce(max(sequence), 0) + 1 from audit)
begin
    select raise(abort, 'an audit entry takes the next number');
end;

create trigger audit_keeps before delete on audit
begin
    select raise(abort, 'audit entries are never deleted');
end;

create trigger audit_completes_once before update on audit
when old.outcome is not null
    or new.outcome is null
    or new.sequence is not old.sequence
    or new.at is not old.at
    or new.actor_kind is not old.actor_kind
    or new.actor_id is not old.actor_id
    or new.actor_name is not old.actor_name
    or new.session is not old.session
    or new.action is not old.action
    or new.environment is not old.environment
    or new.namespace is not old.namespace
    or new.rollout is not old.rollout
    or new.sentence is not old.sentence
    or new.reason is not old.reason
    or new.rule is not old.rule
    or new.before is not old.before
    or new.request_address is not old.request_address
begin
    select raise(abort, 'an audit entry is completed once and not changed');
end;

-- Browser sessions. `id` is the SHA-256 of what the cookie holds, so that a copy of this table
-- opens no session. Times are Unix seconds.
create table sessions (
    id text primary key not null,
    data text not null,
    created_at bigint not null,
    idle_until bigint not null,
    expires_at bigint not null
);
create index sessions_expired on sessions (expires_at);

-- Sign-ins under way: each is used once, by the browser that began it.
create table login_attempts (
    state text primary key not null,
    browser text not null,
    nonce text not null,
    code_verifier text not null,
    return_to text not null,
    created_at bigint not null,
    expires_at bigint not null
);

-- Tokens of programs; `hash` is the SHA-256 of the whole token.
create table api_tokens (
    id text primary key not null,
    hash text not null,
    name text not null,
    grants text not null,
    created_at bigint not null,
    expires_at bigint not null,
    last_used_at bigint,
    revoked_at bigint
);
