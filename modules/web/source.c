/* web/source: values that stand somewhere else. See source.h. */

#include "web/source.h"

#include <stdlib.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "gate/http_blocking.h"

/* A secret has 32 or 64 bytes, a chatty one a few hundred. */
#define LONGEST 4096
/* A system has some 150 certificates, in 220 KB. */
#define LONGEST_CERTIFICATES (1024 * 1024)

static const char *refuse(cmd_parms *cmd, const char *what)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", what, NULL);
}

static const char *keep(cmd_parms *cmd, apr_pool_t *pool, const char *bytes, apr_size_t len,
                        wxl_secret_t *value)
{
    if (memchr(bytes, '\0', len))
        return refuse(cmd, "the value contains a NUL byte; write it as text, such as the output "
                           "of: openssl rand -hex 32");
    *value = wxl_crypto_keep(pool, bytes, len);
    return NULL;
}

static const char *read_env(cmd_parms *cmd, const char *name, wxl_secret_t *value)
{
    const char *text = getenv(name);

    if (!*name)
        return refuse(cmd, "write the name of a variable behind env:, such as env:SECRET_KEY");
    return text && *text ? keep(cmd, cmd->pool, text, strlen(text), value) : NULL;
}

static apr_size_t without_newline(const char *bytes, apr_size_t len)
{
    if (len > 0 && bytes[len - 1] == '\n')
        len--;
    if (len > 0 && bytes[len - 1] == '\r')
        len--;
    return len;
}

/* @return NULL and at most `most` + 1 bytes, or a sentence */
static const char *read_bytes(cmd_parms *cmd, const char *name, apr_size_t most, char *bytes,
                              wxl_source_file_t *file)
{
    apr_finfo_t info = {0};
    apr_file_t *open = NULL;
    apr_status_t rv;

    memset(file, 0, sizeof(*file));
    file->path = ap_server_root_relative(cmd->pool, name);
    if (!*name || !file->path)
        return refuse(cmd, "write the path of a file behind file:, such as file:/etc/secret.key");
    /* Before it is opened: a pipe would keep httpd waiting for ever. */
    rv = apr_stat(&info, file->path, APR_FINFO_TYPE | APR_FINFO_PROT, cmd->temp_pool);
    if (rv == APR_SUCCESS && info.filetype != APR_REG)
        return apr_psprintf(cmd->pool, "%s: %s is not a file", cmd->cmd->name, file->path);
    if (rv == APR_SUCCESS)
        rv = apr_file_open(&open, file->path, APR_READ, APR_OS_DEFAULT, cmd->temp_pool);
    if (rv == APR_SUCCESS)
        rv = apr_file_read_full(open, bytes, most + 1, &file->value.len);
    if (rv != APR_SUCCESS && rv != APR_EOF)
        return apr_psprintf(cmd->pool,
                            "%s: cannot read the file %s: %pm; write the path of a "
                            "file that the user who starts httpd may read",
                            cmd->cmd->name, file->path, &rv);
    if (open)
        apr_file_close(open);
    file->open_to_all = (info.protection & APR_FPROT_WREAD) != 0;
    return NULL;
}

const char *wxl_source_file(cmd_parms *cmd, apr_pool_t *pool, const char *name, apr_size_t most,
                            wxl_source_file_t *file)
{
    char *bytes = apr_palloc(cmd->temp_pool, most + 1);
    const char *error = read_bytes(cmd, name, most, bytes, file);
    apr_size_t len = error ? 0 : without_newline(bytes, file->value.len);

    if (!error && len > most)
        error = apr_psprintf(cmd->pool, "%s: the file %s is longer than %d bytes", cmd->cmd->name,
                             file->path, (int)most);
    else if (!error && len == 0)
        error = apr_psprintf(cmd->pool, "%s: the file %s is empty", cmd->cmd->name, file->path);
    else if (!error)
        error = keep(cmd, pool, bytes, len, &file->value);
    wxl_crypto_wipe(bytes, most + 1);
    return error;
}

void wxl_source_warn(cmd_parms *cmd, const wxl_source_file_t *file)
{
    if (file->open_to_all)
        ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, cmd->server,
                     "WXL0520: %s: every user can read %s; protect it: chmod 600", cmd->cmd->name,
                     file->path);
}

static const char *read_file(cmd_parms *cmd, const char *name, wxl_secret_t *value)
{
    wxl_source_file_t file;
    const char *error = wxl_source_file(cmd, cmd->pool, name, LONGEST, &file);

    if (error)
        return error;
    wxl_source_warn(cmd, &file);
    *value = file.value;
    return NULL;
}

static const char *read_exec(cmd_parms *cmd, const char *program, wxl_secret_t *value)
{
    const char *error;
    char **argv, *line;

    if (!*program || apr_tokenize_to_argv(program, &argv, cmd->temp_pool) != APR_SUCCESS)
        return refuse(cmd, "write the path of a program behind exec:");
    line = ap_get_exec_line(cmd->temp_pool, argv[0], (const char *const *)argv);
    if (!line || !*line)
        return apr_psprintf(cmd->pool,
                            "%s: the program %s could not be run or printed nothing; "
                            "it has to print the value on one line",
                            cmd->cmd->name, argv[0]);
    error = keep(cmd, cmd->pool, line, strlen(line), value);
    wxl_crypto_wipe(line, strlen(line));
    return error;
}

const char *wxl_source_certificates(cmd_parms *cmd, const char *path, const char **pem)
{
    wxl_source_file_t file;
    const char *error = wxl_source_file(cmd, cmd->pool, path, LONGEST_CERTIFICATES, &file);

    if (error)
        return error;
    if (wxl_crypto_certificates(file.value.bytes, file.value.len) < 1)
        return apr_psprintf(cmd->pool,
                            "%s: there are no certificates in %s, or a broken one: write the path "
                            "of a file in PEM",
                            cmd->cmd->name, file.path);
    if (!wxl_http_blocking_trusts(file.value.bytes))
        return refuse(cmd, "this libcurl cannot be told whom to trust: install one that was built "
                           "with OpenSSL, or add the certificates to those of the system and "
                           "remove this line");
    *pem = file.value.bytes;
    return NULL;
}

const char *wxl_source_read(cmd_parms *cmd, const char *from, wxl_secret_t *value, int *literal)
{
    value->bytes = NULL;
    value->len = 0;
    *literal = 0;
    if (strncmp(from, "env:", 4) == 0)
        return read_env(cmd, from + 4, value);
    if (strncmp(from, "file:", 5) == 0)
        return read_file(cmd, from + 5, value);
    if (strncmp(from, "exec:", 5) == 0)
        return read_exec(cmd, from + 5, value);
    *literal = 1;
    return *from ? keep(cmd, cmd->pool, from, strlen(from), value) : NULL;
}
