create table if not exists countries (
    code         varchar(2) primary key,
    name         text not null,
    numeric_code integer not null
);
create table if not exists users (
    id         uuid primary key,
    name       text not null,
    email      text not null,
    country    varchar(2) not null,
    created_at timestamp not null
);
create table if not exists orders (
    id         bigint not null,
    user_id    uuid not null,
    status     text not null,
    total      numeric(12,2) not null,
    created_at timestamp not null,
    primary key (user_id, id)
);
create index if not exists orders_by_time on orders (created_at);
