/* gate/jwks: public keys. See jwks.h. */

#include "gate/jwks.h"

#include <apr_encode.h>

/* @return a JSON Web Key, or NULL */
static wxl_json_t *key_json(apr_pool_t *pool, const wxl_jwt_key_t *key)
{
    wxl_json_t *json = wxl_json_object(pool);
    wxl_public_t half;
    int i;

    if (wxl_keys_public(pool, key->pair, &half) != APR_SUCCESS)
        return NULL;
    wxl_json_set_string(json, "kty", half.kty);
    wxl_json_set_string(json, "kid", key->kid);
    wxl_json_set_string(json, "use", "sig");
    wxl_json_set_string(json, "alg", wxl_keys_alg_name(key->alg));
    if (half.crv)
        wxl_json_set_string(json, "crv", half.crv);
    for (i = 0; i < 2 && half.member[i].name; i++)
        wxl_json_set_string(json, half.member[i].name,
                            apr_pencode_base64_binary(pool, half.member[i].bytes,
                                                      (apr_ssize_t)half.member[i].len,
                                                      APR_ENCODE_BASE64URL, NULL));
    return json;
}

const char *wxl_jwks_write(apr_pool_t *pool, const wxl_jwt_keys_t *keys)
{
    wxl_json_t *set = wxl_json_object(pool);
    int i;

    wxl_json_set_array(set, "keys");
    for (i = 0; keys->named && i < keys->named->nelts; i++) {
        const wxl_jwt_key_t *key = APR_ARRAY_IDX(keys->named, i, const wxl_jwt_key_t *);
        wxl_json_t *json = key->pair ? key_json(pool, key) : NULL;

        if (json)
            wxl_json_append(set, "keys", json);
        else if (key->pair)
            return NULL;
    }
    return wxl_json_write(pool, set, NULL);
}
