#!/usr/bin/env bash
# Makes the Python environment of the tests that need PyTorch.
#
#     interop/install-torch.sh FOLDER
#
# PyTorch's wheel for Linux is linked with libraries for accelerators, which take
# some four gigabytes and which a processor never calls. In their place stand
# libraries of the same names whose functions stop the program. Where these cannot
# be made, or PyTorch does not load with them, the real ones are installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$1/bin/python
pip=("$python" -m pip install --quiet --disable-pip-version-check)

# Names of libraries, and the symbols that PyTorch takes from each. Bash goes on
# after an error in a function whose caller asks whether it worked, so that each
# step returns by itself.
stand_ins() {
    local lib=$1 symbols functions version
    symbols=$(for f in "$lib"/libtorch*.so; do nm -D --undefined-only "$f" || exit 1; done | awk '{print $NF}' | sort -u) || return 1
    while read -r name pattern; do
        functions=$(grep -E "^$pattern\$" <<<"$symbols") || functions=
        version=$(sed -n 's/.*@//p' <<<"$functions" | head -n 1)
        for f in $functions; do echo "void ${f%@*}(void) { __builtin_trap(); }"; done >"$work/stub.c"
        echo "$version { *; };" >"$work/stub.map"
        cc -shared -nostdlib -w "$work/stub.c" "-Wl,-soname,$name,--version-script,$work/stub.map" -o "$lib/$name" || return 1
        made+=("$lib/$name")
    done <<'END'
libcublas.so.13 .*@libcublas.so.13
libcublasLt.so.13 .*@libcublasLt.so.13
libcudnn.so.9 .*@libcudnn.so.9
libcufft.so.12 .*@libcufft.so.12
libcufile.so.0 cuFile\w+
libcusolver.so.12 .*@libcusolver.so.12
libcusparse.so.12 .*@libcusparse.so.12
libcusparseLt.so.0 cusparseLt\w+
libnccl.so.2 p?nccl\w+
libnvrtc.so.13 .*@libnvrtc.so.13
libnvshmem_host.so.3 .*@NVSHMEM
END
}

"${PYTHON:-python3}" -m venv --clear "$1"
"${pip[@]}" --no-deps -r "$here/requirements-torch.txt"
lib=$("$python" -c 'import pathlib, sysconfig; print(pathlib.Path(sysconfig.get_path("purelib")) / "torch" / "lib")')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
made=()
if [ -e "$lib/libtorch_cuda.so" ]; then
    stand_ins "$lib" || echo "libraries to stand in for those of accelerators cannot be made: are there a C compiler (cc) and nm?" >&2
fi
if ! "$python" -c 'import torch'; then
    echo "PyTorch does not load without its libraries for accelerators: installing them" >&2
    rm -f "${made[@]}"
    "${pip[@]}" "$(grep '^torch==' "$here/requirements-torch.txt")"
fi
KERAS_BACKEND=torch "$python" -c 'import accelerate, keras, onnx2torch, peft, skl2onnx, sklearn.ensemble, tokenizers, torch, torchjd, transformers'
