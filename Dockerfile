# Any of the servers in a small image, as nobody in particular:
#
#     docker build --build-arg PACKAGE=upgraded-chat --tag upgraded-chat .
#     docker run --publish 127.0.0.1:8080:8080 --volume chat-data:/data upgraded-chat
#
# PACKAGE is the folder under examples/. An image of microservices-chat has all its programs; which one runs is the
# command.
FROM rust:1.95-bookworm AS build
ARG PACKAGE=chat-server
WORKDIR /build
COPY . .
RUN cargo build --release --locked --package "$PACKAGE" --bins \
    && mkdir /programs \
    && find target/release -maxdepth 1 -type f -executable -exec cp {} /programs/ \; \
    && ln -s "$PACKAGE" /programs/server

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 chat && install -d -o chat -m 0700 /data
COPY --from=build /programs/ /usr/local/bin/
USER chat
ENV CHAT_LISTEN=0.0.0.0:8080 CHAT_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${CHAT_LISTEN##*:} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '200 OK' <&3"]
CMD ["server"]
