//go:build cgo

#include "native.h"

#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#define CALL __stdcall
#else
#include <dlfcn.h>
#define CALL
#endif

// ORT hands out one table of function pointers per API version. Functions are
// only ever appended to it, so a function's place is part of ORT's stable
// binary interface. layout_test.go holds these places against the header that
// the pinned binding carries.
enum place {
  kGetErrorCode = 1,
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kRun = 9,
  kSessionGetInputCount = 30,
  kSessionGetOutputCount = 31,
  kSessionGetInputTypeInfo = 33,
  kSessionGetOutputTypeInfo = 34,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateRunOptions = 39,
  kRunOptionsSetTerminate = 46,
  kRunOptionsUnsetTerminate = 47,
  kCreateTensorAsOrtValue = 48,
  kCreateTensorWithDataAsOrtValue = 49,
  kGetTensorMutableData = 51,
  kGetStringTensorDataLength = 53,
  kGetStringTensorContent = 54,
  kCastTypeInfoToTensorInfo = 55,
  kGetTensorElementType = 60,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kGetSymbolicDimensions = 63,
  kGetTensorTypeAndShape = 65,
  kGetValueType = 67,
  kCreateCpuMemoryInfo = 69,
  kAllocatorFree = 76,
  kGetAllocatorWithDefaultOptions = 78,
  kReleaseStatus = 93,
  kReleaseValue = 96,
  kReleaseRunOptions = 97,
  kReleaseTypeInfo = 98,
  kReleaseTensorTypeAndShapeInfo = 99,
  kGetAvailableProviders = 125,
  kReleaseAvailableProviders = 126,
  kCreateAndRegisterAllocator = 144,
  kReleaseArenaCfg = 157,
  kCreateArenaCfgV2 = 164,
  kAddRunConfigEntry = 165,
  kGetResizedStringTensorElementBuffer = 252,
  kSetDeterministicCompute = 273,
  kTensorTypeAndShapeHasShape = 390,
};

// Values of ORT's enumerations that are used here.
enum { kTypeTensor = 1, kElementString = 8, kArenaAllocator = 1, kMemTypeDefault = 0, kLogFatal = 4, kAsRequested = 1 };

typedef struct {
  const void *(CALL *get_api)(uint32_t version);
  const char *(CALL *version_string)(void);
} api_base;

typedef const api_base *(CALL *get_api_base)(void);

// One library per process: set once by eo_load, read-only afterwards.
static void *const *table;
static void *memory_info;
static void *allocator;

#define FN(place, ...) ((void *(CALL *)(__VA_ARGS__))table[place])
#define FN_VOID(place, ...) ((void(CALL *)(__VA_ARGS__))table[place])

static const api_base *base_of(const char *path, char *problem, size_t size) {
#ifdef _WIN32
  HMODULE handle = LoadLibraryA(path);
  if (!handle) {
    snprintf(problem, size, "the system cannot load it (error %lu)", GetLastError());
    return NULL;
  }
  get_api_base get = (get_api_base)(void *)GetProcAddress(handle, "OrtGetApiBase");
#else
  void *handle = dlopen(path, RTLD_LAZY);
  if (!handle) {
    snprintf(problem, size, "%s", dlerror());
    return NULL;
  }
  get_api_base get;
  *(void **)&get = dlsym(handle, "OrtGetApiBase");
#endif
  if (!get) {
    snprintf(problem, size, "it has no function OrtGetApiBase, so it is not ONNX Runtime");
    return NULL;
  }
  const api_base *base = get();
  if (!base) snprintf(problem, size, "its OrtGetApiBase returns nothing");
  return base;
}

int eo_version(const char *path, char *version, size_t version_size, char *problem, size_t problem_size) {
  const api_base *base = base_of(path, problem, problem_size);
  if (!base) return 1;
  snprintf(version, version_size, "%s", base->version_string());
  return 0;
}

int eo_load(const char *path, uint32_t api, char *problem, size_t problem_size) {
  const api_base *base = base_of(path, problem, problem_size);
  if (!base) return 1;
  table = (void *const *)base->get_api(api);
  if (!table) {
    snprintf(problem, problem_size, "it does not offer version %u of its interface", api);
    return 1;
  }
  void *status = FN(kGetAllocatorWithDefaultOptions, void **)(&allocator);
  if (!status)
    status = FN(kCreateCpuMemoryInfo, int, int, void **)(kArenaAllocator, kMemTypeDefault, &memory_info);
  if (status) {
    snprintf(problem, problem_size, "%s", eo_status_message(status));
    eo_status_release(status);
    return 1;
  }
  return 0;
}

int eo_status_code(void *status) { return ((int(CALL *)(const void *))table[kGetErrorCode])(status); }

const char *eo_status_message(void *status) {
  return ((const char *(CALL *)(const void *))table[kGetErrorMessage])(status);
}

void eo_status_release(void *status) { FN_VOID(kReleaseStatus, void *)(status); }

void *eo_providers(char ***names, int *count) {
  return FN(kGetAvailableProviders, char ***, int *)(names, count);
}

void eo_providers_release(char **names, int count) {
  void *status = FN(kReleaseAvailableProviders, char **, int)(names, count);
  if (status) eo_status_release(status);
}

// The environment is one per process: creating it again gives the one that the
// binding made. It is never released.
void *eo_limit_memory(size_t bytes) {
  void *environment = NULL, *arena = NULL;
  void *status = FN(kCreateEnv, int, const char *, void **)(kLogFatal, "espalier", &environment);
  if (status) return status;
  const char *keys[] = {"max_mem", "arena_extend_strategy"};
  size_t values[] = {bytes, kAsRequested};
  status = FN(kCreateArenaCfgV2, const char *const *, const size_t *, size_t, void **)(keys, values, 2, &arena);
  if (status) return status;
  status = FN(kCreateAndRegisterAllocator, void *, const void *, const void *)(environment, memory_info, arena);
  FN_VOID(kReleaseArenaCfg, void *)(arena);
  return status;
}

void *eo_set_deterministic(void *session_options) {
  return FN(kSetDeterministicCompute, void *, _Bool)(session_options, 1);
}

void *eo_io_count(void *session, int outputs, size_t *count) {
  return FN(outputs ? kSessionGetOutputCount : kSessionGetInputCount, const void *, size_t *)(session, count);
}

void *eo_io_name(void *session, int outputs, size_t i, char **name) {
  return FN(outputs ? kSessionGetOutputName : kSessionGetInputName, const void *, size_t, void *, char **)(
      session, i, allocator, name);
}

void eo_free(void *p) {
  void *status = FN(kAllocatorFree, void *, void *)(allocator, p);
  if (status) eo_status_release(status);
}

void *eo_io_type(void *session, int outputs, size_t i, void **type) {
  return FN(outputs ? kSessionGetOutputTypeInfo : kSessionGetInputTypeInfo, const void *, size_t, void **)(
      session, i, type);
}

void *eo_type_tensor(void *type, int *is_tensor, int *dtype, int *has_shape, size_t *rank) {
  const void *info = NULL;
  void *status = FN(kCastTypeInfoToTensorInfo, const void *, const void **)(type, &info);
  *is_tensor = info != NULL;
  if (status || !info) return status;
  status = FN(kGetTensorElementType, const void *, int *)(info, dtype);
  if (status) return status;
  status = FN(kGetDimensionsCount, const void *, size_t *)(info, rank);
  *has_shape = ((_Bool(CALL *)(const void *))table[kTensorTypeAndShapeHasShape])(info);
  return status;
}

void *eo_type_dims(void *type, int64_t *sizes, const char **names, size_t rank) {
  const void *info = NULL;
  void *status = FN(kCastTypeInfoToTensorInfo, const void *, const void **)(type, &info);
  if (!status) status = FN(kGetDimensions, const void *, int64_t *, size_t)(info, sizes, rank);
  if (!status) status = FN(kGetSymbolicDimensions, const void *, const char **, size_t)(info, names, rank);
  return status;
}

void eo_type_release(void *type) { FN_VOID(kReleaseTypeInfo, void *)(type); }

void *eo_tensor(uintptr_t data, size_t bytes, const int64_t *shape, size_t rank, int dtype, void **value) {
  return FN(kCreateTensorWithDataAsOrtValue, const void *, void *, size_t, const int64_t *, size_t, int,
            void **)(memory_info, (void *)data, bytes, shape, rank, dtype, value);
}

void *eo_string_tensor(const int64_t *shape, size_t rank, void **value) {
  return FN(kCreateTensorAsOrtValue, void *, const int64_t *, size_t, int, void **)(allocator, shape, rank,
                                                                                    kElementString, value);
}

void *eo_string_set(void *value, size_t index, const char *data, size_t size) {
  char *buffer = NULL;
  void *status = FN(kGetResizedStringTensorElementBuffer, void *, size_t, size_t, char **)(value, index, size,
                                                                                           &buffer);
  if (!status && size > 0) memcpy(buffer, data, size);
  return status;
}

void *eo_string_bytes(void *value, size_t *size) {
  return FN(kGetStringTensorDataLength, const void *, size_t *)(value, size);
}

void *eo_string_read(void *value, char *data, size_t size, size_t *offsets, size_t count) {
  return FN(kGetStringTensorContent, const void *, void *, size_t, size_t *, size_t)(value, data, size,
                                                                                     offsets, count);
}

void *eo_value_type(void *value, int *is_tensor, int *dtype, size_t *rank) {
  int kind = 0;
  void *status = FN(kGetValueType, const void *, int *)(value, &kind);
  *is_tensor = kind == kTypeTensor;
  if (status || !*is_tensor) return status;
  void *info = NULL;
  status = FN(kGetTensorTypeAndShape, const void *, void **)(value, &info);
  if (status) return status;
  status = FN(kGetTensorElementType, const void *, int *)(info, dtype);
  if (!status) status = FN(kGetDimensionsCount, const void *, size_t *)(info, rank);
  FN_VOID(kReleaseTensorTypeAndShapeInfo, void *)(info);
  return status;
}

void *eo_value_shape(void *value, int64_t *sizes, size_t rank) {
  void *info = NULL;
  void *status = FN(kGetTensorTypeAndShape, const void *, void **)(value, &info);
  if (status) return status;
  status = FN(kGetDimensions, const void *, int64_t *, size_t)(info, sizes, rank);
  FN_VOID(kReleaseTensorTypeAndShapeInfo, void *)(info);
  return status;
}

void *eo_value_data(void *value, void **data) {
  return FN(kGetTensorMutableData, void *, void **)(value, data);
}

void eo_value_release(void *value) { FN_VOID(kReleaseValue, void *)(value); }

void *eo_run_options(void **options) { return FN(kCreateRunOptions, void **)(options); }

void *eo_run_options_set(void *options, const char *key, const char *value) {
  return FN(kAddRunConfigEntry, void *, const char *, const char *)(options, key, value);
}

void *eo_run_options_terminate(void *options, int on) {
  return FN(on ? kRunOptionsSetTerminate : kRunOptionsUnsetTerminate, void *)(options);
}

void eo_run_options_release(void *options) { FN_VOID(kReleaseRunOptions, void *)(options); }

void *eo_run(void *session, void *options, const char **input_names, void **inputs, size_t n,
             const char **output_names, void **outputs, size_t m) {
  return FN(kRun, void *, const void *, const char *const *, const void *const *, size_t, const char *const *,
            size_t, void **)(session, options, input_names, (const void *const *)inputs, n, output_names, m,
                             outputs);
}
