# A server for one studio. Build:  docker build -t image-search .
# Run:    docker run -p 5050:5050 -e IMAGE_SEARCH_PASSWORD=... \
#             -v /designs:/images:ro -v image-search:/data image-search

# By digest, so that a rebuild starts from the same system. docs/releasing.md says how to find the
# digest of a newer one.
ARG PYTHON_IMAGE=python:3.12.15-slim-trixie@sha256:a6e34c598f2467ed0e9a8d349809fcd8b5c603269512df273a0bb1784edc11b1

FROM ${PYTHON_IMAGE} AS build

# cpu: the small wheels of torch for machines without a graphics card. For one with NVIDIA's, build
# with  --build-arg TORCH=cu130  (or another name that `uv pip install --torch-backend` knows).
# These come from the index of PyTorch itself, by exact version but without hashes: it serves other
# files than those in the lock file. lock  takes torch for NVIDIA from the lock file, with hashes.
ARG TORCH=cpu

ENV PYTHONDONTWRITEBYTECODE=1 \
    VIRTUAL_ENV=/opt/image-search

WORKDIR /build
COPY releasing/tools.lock releasing/
RUN python -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-cache-dir --require-hashes -r releasing/tools.lock

# Compiled here, once: who serves may not write beside the libraries, and would compile all of them
# at every start. All but torch comes with hashes; the last step then adds only torch.
COPY requirments.txt requirments.lock ./
RUN python -m venv --without-pip "$VIRTUAL_ENV" \
    && if [ "$TORCH" = lock ]; then touch torch.txt; else \
        grep -oE '^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)=' requirments.lock \
            | tr -d '=' | sort -u > torch.txt; fi \
    && /opt/tools/bin/uv pip install --no-cache --compile-bytecode \
        --require-hashes --no-deps --excludes torch.txt -r requirments.lock \
    && if [ "$TORCH" != lock ]; then /opt/tools/bin/uv pip install --no-cache --compile-bytecode \
        --torch-backend="$TORCH" -r requirments.txt; fi

COPY pyproject.toml Readme.md LICENSE ./
COPY image_search image_search
COPY templates templates
COPY static/css static/css
COPY static/js static/js
COPY static/icons static/icons
COPY releasing releasing
RUN /opt/tools/bin/uv pip install --no-cache --compile-bytecode --no-deps --no-build-isolation . \
    && /opt/tools/bin/python -m releasing.sbom \
        "$VIRTUAL_ENV/image-search.cdx.json" "$VIRTUAL_ENV/bin/python"

FROM ${PYTHON_IMAGE}

# 1 bakes the weights of CLIP and ResNet50 (700 MB) into the image, for servers without internet.
ARG BAKE_WEIGHTS=0

ENV PATH=/opt/image-search/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    IMAGE_SEARCH_IMAGES=/images \
    IMAGE_SEARCH_CACHE=/data/image_features.pkl \
    IMAGE_SEARCH_HOST=0.0.0.0 \
    HF_HOME=/weights/huggingface \
    TORCH_HOME=/weights/torch \
    XDG_CACHE_HOME=/weights/cache

WORKDIR /app
COPY --from=build /opt/image-search /opt/image-search
# The weights folder is baked before the user is made, so that both ways end with the same owner.
RUN mkdir -p /images /data /weights \
    && if [ "$BAKE_WEIGHTS" = 1 ]; then image-search models fetch; fi \
    && useradd --uid 1000 --create-home studio \
    && chown -R studio /data /weights

USER studio
VOLUME ["/images", "/data", "/weights"]
EXPOSE 5050
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('IMAGE_SEARCH_PORT', '5050') + '/health', timeout=4)"]
CMD ["image-search", "serve"]
