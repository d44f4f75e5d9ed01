/* For t/park/tls.t, preloaded into httpd: a libcurl that cannot take certificates from memory, like
   the one with GnuTLS in Debian 12. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>

#include <curl/curl.h>

#undef curl_easy_setopt

typedef CURLcode setopt_t(CURL *, CURLoption, ...);

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    setopt_t *setopt = (setopt_t *)dlsym(RTLD_NEXT, "curl_easy_setopt");
    va_list list;
    void *value;

    va_start(list, option);
    value = va_arg(list, void *); /* or a number of the same size */
    va_end(list);
    return option == CURLOPT_CAINFO_BLOB ? CURLE_NOT_BUILT_IN : setopt(curl, option, value);
}
