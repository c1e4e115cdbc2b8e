#!/usr/bin/env bash
# ONNX Runtime's CUDA provider: the conformance suite of engines, then a table of the
# processor against the GPU, for a model of SNIPS' size and MiniLM, 1 to 1024 texts.
#
#     bench/gpu.sh pack FOLDER   where Go and pip are: all that the other machine needs
#     bench/gpu.sh run FOLDER    where the GPU is: some three minutes; writes FOLDER/gpu.md
#     bench/gpu.sh cpu FOLDER    the same on the processor alone, to try the folder out
#
# The machine with the GPU needs Linux on amd64, a driver, CUDA 13 and cuDNN 9, nothing
# from a network, neither Go nor this repository but this script. CUDA's libraries are
# found where the linker finds them or among those that come with Python packages, as
# PyTorch's. ONNX Runtime's library for CUDA is in pieces library.NN of 40 MB, so that
# they can travel one by one; run wants them all in FOLDER.
set -euo pipefail

# The newest release for CUDA 13; its wheel for Python 3.11, of which only the libraries
# are used.
wheel="onnxruntime-gpu==1.31.1 --hash=sha256:e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6"

usage() { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }

[ $# = 2 ] || usage
command=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)

pack() {
    cd "$(dirname "$0")/.."
    go test -c -o "$folder/ort.test" ./runtime/ort
    go build -o "$folder/gpu" ./bench/gpu
    cp "${ESPALIER_MINILM:-.env/minilm/model}/config.json" "$folder"
    cp bench/gpu.sh "$folder"
    local work
    work=$(mktemp -d)
    trap "rm -rf '$work'" EXIT
    echo "$wheel" > "$work/requirements.txt"
    "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --python-version 3.11 --platform manylinux_2_28_x86_64 -d "$work" -r "$work/requirements.txt"
    unzip -q -j "$work"/*.whl 'onnxruntime/capi/libonnxruntime.so.*' 'onnxruntime/capi/libonnxruntime_providers_cuda.so' \
        'onnxruntime/capi/libonnxruntime_providers_shared.so' -d "$work/library"
    mv "$work"/library/libonnxruntime.so.* "$work/library/libonnxruntime.so"
    rm -f "$folder"/library.[0-9]*
    tar -C "$work/library" -cz . | split -b 40M -d - "$folder/library."
    (cd "$folder" && sha256sum library.[0-9]* > library.sha256)
    du -sh "$folder"
}

# The library is unpacked once.
unpack() {
    [ -e "$folder/library/done" ] && return
    (cd "$folder" && sha256sum --quiet -c library.sha256)
    mkdir -p "$folder/library"
    cat "$folder"/library.[0-9]* | tar -C "$folder/library" -xz
    touch "$folder/library/done"
}

# Folders of libraries that Python packages bring for CUDA.
packaged() {
    local site
    for site in $(python3 -c 'import site, sysconfig; print(sysconfig.get_path("purelib"), *site.getsitepackages())' 2> /dev/null); do
        find "$site/nvidia" -name '*.so*' -printf '%h\n' 2> /dev/null || true
    done | sort -u | paste -sd:
}

# run PROVIDERS NAME: the suite on the provider NAME, then the table.
run() {
    unpack
    cd "$folder"
    export ESPALIER_ORT_LIBRARY="$folder/library/libonnxruntime.so" ESPALIER_ORT_PROVIDER=$2
    echo "Conformance suite on $2:"
    ./ort.test -test.run '^TestConformanceOnAProvider$' -test.v -test.timeout 120s > conformance.log 2>&1 || {
        grep -v -e '^=== ' -e '--- PASS' conformance.log | cut -c 1-300 | head -n 12
        echo "failed; all of it is in $folder/conformance.log"
        failed=1
    }
    grep -c -e '--- PASS' conformance.log | sed 's/$/ tests passed/' || true
    {
        lscpu | sed -n 's/^Model name: */Processor: /p'
        nproc | sed 's/^/Cores: /'
        nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null | sed 's/^/GPU: /' || true
        echo
        ./gpu -folder . -providers "$1" ${BATCHES:+-batches "$BATCHES"} -least "${LEAST:-1s}"
    } | tee gpu.md
}

failed=
case $command in
pack) pack ;;
run)
    LD_LIBRARY_PATH=$(packaged)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
    run CPU,CUDA CUDA
    ;;
cpu) run CPU CPU ;;
*) usage ;;
esac
[ -z "$failed" ]
