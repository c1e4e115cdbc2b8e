// What this package calls of ONNX Runtime's C interface, with opaque handles.
// A function that returns void* returns an OrtStatus, NULL on success.
#ifndef ESPALIER_ORT_NATIVE_H
#define ESPALIER_ORT_NATIVE_H

#include <stddef.h>
#include <stdint.h>

int eo_version(const char *path, char *version, size_t version_size, char *problem, size_t problem_size);
int eo_load(const char *path, uint32_t api, char *problem, size_t problem_size);

int eo_status_code(void *status);
const char *eo_status_message(void *status);
void eo_status_release(void *status);

void *eo_providers(char ***names, int *count);
void eo_providers_release(char **names, int count);
void *eo_limit_memory(size_t bytes);
void *eo_set_deterministic(void *session_options);

void *eo_io_count(void *session, int outputs, size_t *count);
void *eo_io_name(void *session, int outputs, size_t i, char **name);
void eo_free(void *p);
void *eo_io_type(void *session, int outputs, size_t i, void **type);
void *eo_type_tensor(void *type, int *is_tensor, int *dtype, int *has_shape, size_t *rank);
void *eo_type_dims(void *type, int64_t *sizes, const char **names, size_t rank);
void eo_type_release(void *type);

void *eo_tensor(uintptr_t data, size_t bytes, const int64_t *shape, size_t rank, int dtype, void **value);
void *eo_string_tensor(const int64_t *shape, size_t rank, void **value);
void *eo_string_set(void *value, size_t index, const char *data, size_t size);
void *eo_string_bytes(void *value, size_t *size);
void *eo_string_read(void *value, char *data, size_t size, size_t *offsets, size_t count);
void *eo_value_type(void *value, int *is_tensor, int *dtype, size_t *rank);
void *eo_value_shape(void *value, int64_t *sizes, size_t rank);
void *eo_value_data(void *value, void **data);
void eo_value_release(void *value);

void *eo_run_options(void **options);
void *eo_run_options_set(void *options, const char *key, const char *value);
void *eo_run_options_terminate(void *options, int on);
void eo_run_options_release(void *options);

void *eo_run(void *session, void *options, const char **input_names, void **inputs, size_t n,
             const char **output_names, void **outputs, size_t m);

#endif
