# A server for one studio. Build:  docker build -t image-search .
# Run:    docker run -p 5050:5050 -e IMAGE_SEARCH_PASSWORD=... \
#             -v /designs:/images:ro -v image-search:/data image-search
FROM python:3.12-slim

# cpu: the small wheels of torch for machines without a graphics card. For one with NVIDIA's, build
# with  --build-arg TORCH=cu130  (or another name that `uv pip install --torch-backend` knows).
ARG TORCH=cpu
# 1 bakes the weights of CLIP and ResNet50 (700 MB) into the image, for servers without internet.
ARG BAKE_WEIGHTS=0

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    IMAGE_SEARCH_IMAGES=/images \
    IMAGE_SEARCH_CACHE=/data/image_features.pkl \
    IMAGE_SEARCH_HOST=0.0.0.0 \
    HF_HOME=/weights/huggingface \
    TORCH_HOME=/weights/torch \
    XDG_CACHE_HOME=/weights/cache

WORKDIR /app
# Compiled here, once: who serves may not write beside the libraries, and would compile all of them
# at every start.
COPY requirments.txt ./
RUN pip install --no-cache-dir uv \
    && uv pip install --system --no-cache --compile-bytecode --torch-backend="$TORCH" \
        -r requirments.txt

COPY pyproject.toml Readme.md LICENSE ./
COPY image_search image_search
COPY templates templates
COPY static/css static/css
COPY static/js static/js
COPY static/icons static/icons
# The weights folder is baked before the user is made, so that both ways end with the same owner.
RUN pip install --no-cache-dir --no-deps . \
    && mkdir -p /images /data /weights \
    && if [ "$BAKE_WEIGHTS" = 1 ]; then image-search models fetch; fi \
    && useradd --uid 1000 --create-home studio \
    && chown -R studio /data /weights

USER studio
VOLUME ["/images", "/data", "/weights"]
EXPOSE 5050
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('IMAGE_SEARCH_PORT', '5050') + '/health', timeout=4)"]
CMD ["image-search", "serve"]
