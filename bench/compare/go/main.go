// The service in Go: net/http, pgx, golang-jwt, from Debian's packages.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt"
	"github.com/jackc/pgx/v4/pgxpool"
	"golang.org/x/time/rate"
)

const (
	avatar     = "https://www.gravatar.com/avatar/00000000000000000000000000000000?d=mp&f=y"
	accessTTL  = 7 * 24 * time.Hour
	refreshTTL = 30 * 24 * time.Hour
	maxBody    = 16 << 10
	signIn     = `INSERT INTO wxlogin_user AS u
    (openid, username, password, avatar_url, user_type, is_staff, is_superuser, is_active, date_joined, last_login_at)
    VALUES ($1, $2, '!', $3, 'wechat', false, false, true, $4, $4)
    ON CONFLICT (openid) DO UPDATE SET last_login_at = excluded.last_login_at
    RETURNING id, is_superuser, is_staff, is_active, date_joined, openid, username, avatar_url, phone, email,
    user_type, last_login_at`
)

type user struct {
	ID              int64     `json:"id"`
	Orders          int       `json:"orders_count"`
	CompletedOrders int       `json:"completed_orders_count"`
	IsSuperuser     bool      `json:"is_superuser"`
	IsStaff         bool      `json:"is_staff"`
	IsActive        bool      `json:"is_active"`
	DateJoined      time.Time `json:"date_joined"`
	OpenID          *string   `json:"openid"`
	Username        string    `json:"username"`
	AvatarURL       string    `json:"avatar_url"`
	Phone           *string   `json:"phone"`
	Email           *string   `json:"email"`
	UserType        string    `json:"user_type"`
	LastLoginAt     time.Time `json:"last_login_at"`
}

type claims struct {
	TokenType string `json:"token_type"`
	Exp       int64  `json:"exp"`
	Iat       int64  `json:"iat"`
	Jti       string `json:"jti"`
	UserID    string `json:"user_id"`
}

func (c *claims) Valid() error {
	if c.Exp <= time.Now().Unix() || c.Jti == "" || c.UserID == "" {
		return errors.New("expired or incomplete")
	}
	return nil
}

type service struct {
	key           []byte
	pool          *pgxpool.Pool
	client        *http.Client
	exchange      string // URL with everything but the code
	small         []byte
	limited       bool
	limitersMutex sync.Mutex
	limiters      map[string]*rate.Limiter
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
	return hex.EncodeToString(b)
}

func answer(w http.ResponseWriter, status int, body interface{}) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(text)
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]interface{}{"success": false, "error": text})
}

// Tokens

func (s *service) sign(kind string, id string, now time.Time, ttl time.Duration) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, &claims{
		kind, now.Add(ttl).Unix(), now.Unix(), randomHex(16), id}).SignedString(s.key)
}

var parser = &jwt.Parser{ValidMethods: []string{"HS256"}}

func (s *service) verify(token string, kind string) (*claims, error) {
	var c claims
	_, err := parser.ParseWithClaims(token, &c, func(*jwt.Token) (interface{}, error) { return s.key, nil })
	if err == nil && c.TokenType != kind {
		err = errors.New("wrong type")
	}
	return &c, err
}

// Sign-in

func (s *service) askWeChat(ctx context.Context, code string) (openid string, err error) {
	request, err := http.NewRequestWithContext(ctx, "GET", s.exchange+url.QueryEscape(code), nil)
	if err != nil {
		return "", err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var reply struct {
		OpenID  string `json:"openid"`
		ErrCode int    `json:"errcode"`
	}
	if err = json.NewDecoder(response.Body).Decode(&reply); err != nil {
		return "", err
	}
	if reply.ErrCode != 0 || reply.OpenID == "" {
		return "", errors.New("errcode " + strconv.Itoa(reply.ErrCode))
	}
	return reply.OpenID, nil
}

func (s *service) findOrCreate(ctx context.Context, openid string, now time.Time) (u user, err error) {
	err = s.pool.QueryRow(ctx, signIn, openid, "用户_"+randomHex(8), avatar, now).Scan(&u.ID, &u.IsSuperuser, &u.IsStaff,
		&u.IsActive, &u.DateJoined, &u.OpenID, &u.Username, &u.AvatarURL, &u.Phone, &u.Email, &u.UserType,
		&u.LastLoginAt)
	return
}

func (s *service) login(w http.ResponseWriter, r *http.Request) {
	if s.limited && !s.admits(r) {
		w.Header().Set("Retry-After", "12")
		refuse(w, http.StatusTooManyRequests, "Too many requests")
		return
	}
	var body struct {
		Code string `json:"code"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body) != nil || body.Code == "" {
		refuse(w, http.StatusBadRequest, "Code is required")
		return
	}
	openid, err := s.askWeChat(r.Context(), body.Code)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "Failed to connect to WeChat API")
		return
	}
	now := time.Now()
	u, err := s.findOrCreate(r.Context(), openid, now)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "Service is unavailable")
		return
	}
	id := strconv.FormatInt(u.ID, 10)
	access, errA := s.sign("access", id, now, accessTTL)
	refresh, errR := s.sign("refresh", id, now, refreshTTL)
	if errA != nil || errR != nil {
		refuse(w, http.StatusInternalServerError, "Internal server error")
		return
	}
	answer(w, http.StatusOK, struct {
		Access  string `json:"access"`
		Refresh string `json:"refresh"`
		User    *user  `json:"user"`
	}{access, refresh, &u})
}

// Five a minute for each client
func (s *service) admits(r *http.Request) bool {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	s.limitersMutex.Lock()
	limiter := s.limiters[host]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Every(12*time.Second), 5)
		s.limiters[host] = limiter
	}
	s.limitersMutex.Unlock()
	return limiter.Allow()
}

// Everything else

func (s *service) refresh(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Refresh string `json:"refresh"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body) != nil || body.Refresh == "" {
		refuse(w, http.StatusBadRequest, "Refresh is required")
		return
	}
	c, err := s.verify(body.Refresh, "refresh")
	if err != nil {
		refuse(w, http.StatusUnauthorized, "Token is invalid")
		return
	}
	access, err := s.sign("access", c.UserID, time.Now(), accessTTL)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "Internal server error")
		return
	}
	answer(w, http.StatusOK, struct {
		Access string `json:"access"`
	}{access})
}

func (s *service) guarded(w http.ResponseWriter, r *http.Request) {
	header := r.Header.Get("Authorization")
	if !strings.HasPrefix(header, "Bearer ") {
		refuse(w, http.StatusUnauthorized, "Authentication credentials were not provided.")
		return
	}
	if _, err := s.verify(header[len("Bearer "):], "access"); err != nil {
		refuse(w, http.StatusUnauthorized, "Token is invalid")
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Write(s.small)
}

func main() {
	env := os.Getenv
	connections, err := strconv.Atoi(env("CONNECTIONS"))
	if err != nil {
		log.Fatal(err)
	}
	config, err := pgxpool.ParseConfig("") // PGHOST and so on
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = int32(connections)
	pool, err := pgxpool.ConnectConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	s := &service{
		key:  []byte(env("SECRET_KEY")),
		pool: pool,
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			MaxIdleConnsPerHost: 512, DisableCompression: true}},
		exchange: env("WECHAT_URL") + "/sns/jscode2session?appid=" + env("WECHAT_APPID") + "&secret=" +
			env("WECHAT_SECRET") + "&grant_type=authorization_code&js_code=",
		small:    []byte(strings.Repeat("x", 200)),
		limited:  env("RATE_LIMIT") != "",
		limiters: map[string]*rate.Limiter{},
	}
	mux := http.NewServeMux()
	post := func(path string, handler http.HandlerFunc) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				refuse(w, http.StatusMethodNotAllowed, "Method not allowed")
				return
			}
			handler(w, r)
		})
	}
	post("/api/login/", s.login)
	post("/api/token/refresh/", s.refresh)
	mux.HandleFunc("/guarded/small.txt", s.guarded)
	log.Fatal((&http.Server{Addr: "127.0.0.1:" + env("PORT"), Handler: mux}).ListenAndServe())
}
