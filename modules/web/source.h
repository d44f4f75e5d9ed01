/*
 * web/source: values that stand somewhere else: env:NAME, file:PATH, exec:PROGRAM; certificates.
 *
 * Called while a directive is parsed: still as root, and an error gets its file and line.
 */
#ifndef WXL_SOURCE_H
#define WXL_SOURCE_H

#include "web/private.h"

#include "gate/crypto.h"

/**
 * Read certificates.
 * @param path a file in PEM, relative to ServerRoot
 * @param pem set to its text, in the pool of the directive
 * @return NULL, or a sentence for the administrator
 */
const char *wxl_source_certificates(cmd_parms *cmd, const char *path, const char **pem);

/**
 * Read a value.
 * @param cmd the directive: its name stands in errors, its pool holds the result
 * @param from `env:NAME`: a variable of httpd's environment; unset or empty is "not configured".
 *        `file:PATH`: a file, relative to ServerRoot, its final newline dropped.
 *        `exec:PROGRAM [ARG ...]`: the first line that a program prints. Else the value itself
 * @param value bytes NULL for "not configured"; wiped when the pool is cleared
 * @param literal set to 1 where the argument was the value itself
 * @return NULL, or a sentence for the administrator that holds no secret
 */
const char *wxl_source_read(cmd_parms *cmd, const char *from, wxl_secret_t *value, int *literal);

/** What was read from a file. */
typedef struct {
    wxl_secret_t value; /* as above */
    const char *path;   /* from the root */
    int open_to_all;    /* every user of the system can read it */
} wxl_source_file_t;

/**
 * Read a file.
 * @param name its path, relative to ServerRoot
 * @param most bytes that it may have
 * @param pool where the value lives: wiped when it is cleared
 * @return NULL, or a sentence
 */
const char *wxl_source_file(cmd_parms *cmd, apr_pool_t *pool, const char *name, apr_size_t most,
                            wxl_source_file_t *file);

/** Warn where a file that holds a secret is open to all. */
void wxl_source_warn(cmd_parms *cmd, const wxl_source_file_t *file);

#endif
