/* web/key_config: the keys of the tokens. See key_config.h. */

#include "web/key_config.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "gate/jwks.h"
#include "gate/jwt.h"
#include "web/directives.h"
#include "web/source.h"

/* An RSA key of 8192 bits has 6400 bytes of PEM. */
#define LONGEST_FILE 16384
#define LONGEST_KID 64
#define MOST_KEYS 16
/* RFC 7518, section 3.2 */
#define SHORTEST_SECRET 32

/* What stands behind WxLoginKey. */
typedef struct {
    const char *kid, *file;
    wxl_alg_t alg;
    int has_alg, sign;
} words_t;

static const char *refuse(cmd_parms *cmd, const char *value, const char *right)
{
    return apr_psprintf(cmd->pool, "%s \"%s\" is wrong: write %s", cmd->cmd->name, value, right);
}

static int is_kid(const char *text)
{
    const char *c;

    for (c = text; apr_isalnum(*c) || *c == '-' || *c == '_' || *c == '.'; c++)
        continue;
    return !*c && c > text && c - text <= LONGEST_KID;
}

/* @return NULL, or a sentence */
static const char *read_word(cmd_parms *cmd, const char *word, words_t *words)
{
    if (strncmp(word, "kid=", 4) == 0 && !words->kid) {
        words->kid = word + 4;
        return is_kid(words->kid) ? NULL
                                  : refuse(cmd, word,
                                           "kid= with 1 to 64 letters, digits, "
                                           "-, _ and .");
    }
    if (strncmp(word, "alg=", 4) == 0 && !words->has_alg) {
        words->has_alg = wxl_keys_alg_of(word + 4, &words->alg);
        return words->has_alg ? NULL : refuse(cmd, word, "alg=ES256, RS256, EdDSA or HS256");
    }
    if (strncmp(word, "file=", 5) == 0 && word[5] && !words->file) {
        words->file = word + 5;
        return NULL;
    }
    if (strcmp(word, "sign") == 0 && !words->sign) {
        words->sign = 1;
        return NULL;
    }
    return refuse(cmd, word,
                  "kid=NAME alg=ES256|RS256|EdDSA|HS256 file=PATH, each once, and sign behind the "
                  "one key that signs");
}

static const char *wrong_file(cmd_parms *cmd, const wxl_source_file_t *file, const char *what)
{
    return apr_psprintf(cmd->pool, "%s: the file %s: %s", cmd->cmd->name, file->path, what);
}

static const char *secret_of(cmd_parms *cmd, const words_t *words, const wxl_source_file_t *file,
                             const wxl_jwt_key_t **key)
{
    /* Who can read the public key could sign with it. */
    if (strncmp(file->value.bytes, "-----BEGIN", 10) == 0)
        return wrong_file(cmd, file,
                          "a key in PEM form is no secret for HS256: write alg=ES256, RS256 or "
                          "EdDSA, whichever the key was made for");
    if (file->value.len < SHORTEST_SECRET)
        return wrong_file(cmd, file,
                          "shorter than 32 bytes: HS256 needs one made by: openssl rand -hex 32");
    wxl_source_warn(cmd, file);
    *key = wxl_jwt_secret(cmd->pool, words->kid, &file->value);
    return *key ? NULL : wrong_file(cmd, file, "OpenSSL cannot use it");
}

static const char *pair_of(cmd_parms *cmd, const words_t *words, const wxl_source_file_t *file,
                           const wxl_jwt_key_t **key)
{
    const wxl_key_t *pair = NULL;
    const char *wrong = wxl_keys_read(cmd->pool, words->alg, &file->value, &pair);

    if (wrong)
        return wrong_file(cmd, file, wrong);
    if (words->sign && !wxl_keys_is_private(pair))
        return wrong_file(cmd, file,
                          "it holds a public key, which cannot sign: write the file of the private "
                          "key, or leave sign out");
    if (wxl_keys_is_private(pair))
        wxl_source_warn(cmd, file);
    *key = wxl_jwt_pair(cmd->pool, words->kid, words->alg, pair);
    return NULL;
}

/* A secret lives as long as the configuration; PEM text is wiped when it has been read. */
static const char *make_key(cmd_parms *cmd, const words_t *words, const wxl_jwt_key_t **key)
{
    wxl_source_file_t file;
    const char *error;
    apr_pool_t *pool;

    if (words->alg == WXL_ALG_HS256) {
        error = wxl_source_file(cmd, cmd->pool, words->file, LONGEST_FILE, &file);
        return error ? error : secret_of(cmd, words, &file, key);
    }
    apr_pool_create(&pool, cmd->temp_pool);
    error = wxl_source_file(cmd, pool, words->file, LONGEST_FILE, &file);
    if (!error)
        error = pair_of(cmd, words, &file, key);
    apr_pool_destroy(pool);
    return error;
}

const char *wxl_key_config_add(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    wxl_jwt_keys_t *keys = &wxl_config_of(cmd->server)->signin.tokens.keys;
    const wxl_jwt_key_t *key = NULL;
    words_t words = {0};
    const char *error = NULL;
    int i;

    (void)dir;
    for (i = 0; i < argc && !error; i++)
        error = read_word(cmd, argv[i], &words);
    if (!error && (!words.kid || !words.has_alg || !words.file))
        error = apr_psprintf(cmd->pool, "%s needs kid=NAME, alg=ALGORITHM and file=PATH",
                             cmd->cmd->name);
    if (!error && wxl_jwt_find(keys, words.kid))
        error = refuse(cmd, apr_pstrcat(cmd->temp_pool, "kid=", words.kid, NULL),
                       "another kid: there is a key of this name already");
    if (!error && words.sign && keys->signer)
        error = refuse(cmd, "sign", "it behind one key only: another one signs already");
    if (!error && keys->named && keys->named->nelts >= MOST_KEYS)
        error = apr_psprintf(cmd->pool, "%s: %d keys are the most: remove old ones", cmd->cmd->name,
                             MOST_KEYS);
    if (!error)
        error = make_key(cmd, &words, &key);
    if (error)
        return error;
    if (!keys->named)
        keys->named = apr_array_make(cmd->pool, 4, sizeof(const wxl_jwt_key_t *));
    APR_ARRAY_PUSH(keys->named, const wxl_jwt_key_t *) = key;
    if (words.sign)
        keys->signer = key;
    return NULL;
}

const char *wxl_key_config_ready(apr_pool_t *pool, wxl_config_t *config)
{
    wxl_jwt_keys_t *keys = &config->signin.tokens.keys;

    if (config->key.bytes) {
        keys->unnamed = wxl_jwt_secret(pool, NULL, &config->key);
        if (!keys->unnamed)
            return "OpenSSL cannot use the key";
    }
    if (!keys->signer)
        keys->signer = keys->unnamed;
    config->jwks = wxl_jwks_write(pool, keys);
    return config->jwks ? NULL : "OpenSSL cannot tell the public half of a key";
}
