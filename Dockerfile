# syntax=docker/dockerfile:1

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The optional dependencies are a Node for machines without one; this base brings its own. Install scripts are not
# needed: argon2 comes prebuilt.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm cache clean --force

FROM node:24-bookworm-slim
# What only installs packages does not belong where requests are served.
RUN rm -rf /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/corepack /usr/local/bin/npm /usr/local/bin/npx \
      /usr/local/bin/corepack /opt/yarn* /usr/local/bin/yarn /usr/local/bin/yarnpkg \
  && mkdir /data && chown node:node /data && chmod 0700 /data
WORKDIR /app
# Owned by root and run by another user: the process cannot change its own code.
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY migrations ./migrations
COPY views ./views
COPY src ./src
ENV NODE_ENV=production CARDEA_HOST=0.0.0.0 CARDEA_DATA_DIR=/data
USER node
# Used by the embedded database only.
VOLUME /data
EXPOSE 3000
# Plain http inside the container; where Cardea serves TLS itself, replace this check.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/cardea.js", "serve"]
