/* For t/park/tls.t, preloaded into httpd: a libcurl that cannot take certificates from memory, like
   the one with GnuTLS in Debian 12. */

#define _GNU_SOURCE
#include "../unit/setopt.h"

static CURLcode refuse(CURLoption option)
{
    return option == CURLOPT_CAINFO_BLOB ? CURLE_NOT_BUILT_IN : CURLE_OK;
}
