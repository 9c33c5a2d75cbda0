# One image, three commands: the UI (`webserver`), the daemon (`daemon`) and any `crm` command.
FROM python:3.12-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
WORKDIR /app
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir uv==0.13.9
COPY requirements.lock ./
RUN /venv/bin/uv pip install --python /venv/bin/python --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md ./
COPY crm_platform crm_platform
COPY assets assets
COPY resources resources
COPY sensors sensors
RUN /venv/bin/uv pip install --python /venv/bin/python --no-deps --editable .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 crm && mkdir -p /data && chown crm /data
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY dagster.yaml workspace.yaml /app/
COPY config /app/config
COPY docker /app/docker
ENV PATH=/venv/bin:$PATH CRM_HOME=/data CRM_CONFIG=/app/config DAGSTER_HOME=/data/dagster MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /app
USER crm
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=40s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/server_info', timeout=4)"]
ENTRYPOINT ["/app/docker/entrypoint.sh"]
CMD ["webserver"]
