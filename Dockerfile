# The example axum-app as an image, for PostgreSQL or SQLite: docker compose --profile app up --build --wait
#
# No container engine runs where our gate does. What can be tried without one is: hadolint reads this, and `.ci/image`
# copies what it copies, builds that, and holds the program to the health check over PostgreSQL. Built and run by hand with
# podman 4.3: healthy, unhealthy without its database, healthy again, and 0 when it was stopped.

# The version in rust-toolchain.toml, which is not copied: rustup would fetch its components.
FROM docker.io/library/rust:1.95.0-slim-trixie AS build
WORKDIR /src
# Of every member of the workspace cargo wants the manifest.
COPY Cargo.toml Cargo.lock ./
COPY bench bench
COPY crates crates
COPY examples examples
COPY tests tests
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package axum-app --features postgres \
    && cp target/release/axum-app /usr/local/bin/

FROM docker.io/library/debian:trixie-slim
# The certificates are for SMTP. What axum-app keeps beside its database, with SQLite the database too, is in /data.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin app
COPY --from=build /usr/local/bin/axum-app /usr/local/bin/
USER 10001:10001
WORKDIR /data
ENV HOST=0.0.0.0 PORT=8055
EXPOSE 8055
# By bash: the image has no curl.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /auth/health HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '^HTTP/1.* 200' <&3"]
CMD ["axum-app"]
