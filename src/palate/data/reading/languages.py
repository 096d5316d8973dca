"""Common names of the roles of columns in other languages than English."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple


class Names(NamedTuple):
    """Words of one language, separated by blanks; ids may also be written with the endings or beginnings."""

    user: str
    item: str
    rating: str
    time: str
    id_signs: str = "id"


LANGUAGES: Mapping[str, Names] = {
    "Korean": Names(
        "사용자 이용자 유저 회원 고객 구매자 작성자 평가자",
        "상품 아이템 제품 품목 영화 도서 책 곡 노래 음악 게임 콘텐츠 작품 식당 음식점 강의",
        "평점 별점 점수 평가 평가점수 등급 선호도",
        "시간 시각 날짜 일시 일자 타임스탬프 등록일 작성일 구매일 평가일 주문일",
        "id 아이디 번호 코드",
    ),
    "German": Names(
        "nutzer benutzer benutzername anwender kunde kunden mitglied mitglieds käufer besucher leser hörer",
        "artikel produkt ware gegenstand buch lied stück spiel rezept gericht sendung film",
        "bewertung bewertungen wertung note sterne punkte punktzahl",
        "zeit zeitpunkt zeitstempel datum bewertungsdatum kaufdatum",
        "id nr nummer",
    ),
    "French": Names(
        "utilisateur client membre abonné acheteur usager visiteur lecteur auditeur",
        "produit article objet livre film chanson morceau jeu recette plat",
        "note notes évaluation étoiles cote",
        "horodatage dateheure dateachat",
        "id num numero code",
    ),
    "Spanish": Names(
        "usuario cliente miembro socio comprador visitante lector",
        "producto artículo objeto película libro canción juego receta plato",
        "calificación puntuación valoración nota estrellas puntaje puntos",
        "fecha fechahora marcadetiempo fechacompra",
        "id num numero codigo",
    ),
    "Japanese": Names(
        "ユーザー ユーザ 利用者 会員 顧客 お客様 購入者",
        "商品 アイテム 製品 作品 映画 本 書籍 図書 曲 楽曲 ゲーム 料理",
        "評価 評価値 評点 スコア 点数 星 レーティング",
        "時間 日時 日付 時刻 タイムスタンプ 評価日 購入日",
        "id 番号 コード",
    ),
    "Chinese": Names(
        "用户 用户名 使用者 会员 客户 顾客 买家 用戶 會員 客戶 顧客 買家",
        "商品 物品 产品 项目 电影 影片 图书 书籍 歌曲 游戏 菜品 產品 項目 電影 圖書 書籍 遊戲",
        "评分 打分 得分 分数 评价 星级 評分 分數 評價 星級",
        "时间 时间戳 日期 评分时间 時間 時間戳",
        "id 编号 编码 編號",
    ),
}


def foreign_names(written: Sequence[str], role: str) -> set[str]:
    """Return the names of a role in the languages in which these names have a user or an item.

    A word such as "note", which is a rating in French, is something else in an English table.
    written: the names of a table's columns in lower case, with letters and digits only.
    """
    spoken = [
        language for language in LANGUAGES if set(written) & (_names(language, "user") | _names(language, "item"))
    ]
    return set().union(*(_names(language, role) for language in spoken))


@cache
def _names(language: str, role: str) -> frozenset[str]:
    """Return every spelling of a role's words, with and without accents."""
    names = LANGUAGES[language]
    nouns = getattr(names, role).split()
    signs = names.id_signs.split() if role in ("user", "item") else []
    spellings = {
        *nouns,
        *(noun + sign for noun in nouns for sign in signs),
        *(s + noun for noun in nouns for s in signs),
    }
    return frozenset(spellings | set(map(_without_accents, spellings)))


def _without_accents(word: str) -> str:
    plain = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", plain)
